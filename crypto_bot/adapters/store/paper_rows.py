"""Ledger events and trades as rows of their tables, exactly and both ways."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

from sqlalchemy import Row

from crypto_bot.domain.ledger import Event, Kind, Target, Terms
from crypto_bot.domain.paper_report import ClosedTrade
from crypto_bot.domain.signal import Pred, Source


def event_row(event: Event, engine: str, tf: str) -> tuple[Any, ...]:
    """The values of `event` in the order of the columns of `paper_events`."""
    return (
        engine,
        event.id,
        event.account,
        tf,
        event.seq,
        event.at_ms,
        event.kind.value,
        str(event.cash),
        event.symbol,
        event.prediction_id,
        None if event.side is None else event.side.value,
        event.reason,
        str(event.price),
        str(event.amount),
        str(event.fee),
        None if event.terms is None else _terms_text(event.terms),
    )


def event_of(row: Row[Any]) -> Event:
    """The event of a row of `paper_events`."""
    return Event(
        id=row.id,
        account=row.account,
        seq=row.seq,
        at_ms=row.at_ms,
        kind=Kind(row.kind),
        cash=Decimal(row.cash),
        symbol=row.symbol,
        prediction_id=row.prediction_id,
        side=None if row.side is None else Pred(row.side),
        reason=row.reason,
        price=Decimal(row.price),
        amount=Decimal(row.amount),
        fee=Decimal(row.fee),
        terms=None if row.terms is None else _terms_of(row.terms),
    )


def trade_row(account: str, trade: ClosedTrade, engine: str, tf: str) -> tuple[Any, ...]:
    """The values of `trade` in the order of the columns of `paper_trades`."""
    return (
        engine,
        account,
        trade.prediction_id,
        tf,
        trade.symbol,
        trade.side.value,
        trade.source.value,
        str(trade.amount),
        str(trade.entry),
        trade.entry_ms,
        str(trade.exit),
        trade.exit_ms,
        trade.reason,
        str(trade.gross),
        str(trade.fees),
        str(trade.funding),
        str(trade.net),
        trade.r,
    )


def _terms_text(terms: Terms) -> str:
    return json.dumps(
        {
            "stop": str(terms.stop),
            "targets": [[str(target.price), str(target.amount)] for target in terms.targets],
            "expires_ms": terms.expires_ms,
            "atr": str(terms.atr),
            "source": terms.source.value,
        }
    )


def _terms_of(text: str) -> Terms:
    told = json.loads(text)
    return Terms(
        stop=Decimal(told["stop"]),
        targets=tuple(Target(Decimal(price), Decimal(n)) for price, n in told["targets"]),
        expires_ms=told["expires_ms"],
        atr=Decimal(told["atr"]),
        source=Source(told["source"]),
    )
