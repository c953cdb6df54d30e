"""Ledger events and trades as rows of their tables, exactly and both ways."""

from __future__ import annotations

import json
from decimal import Decimal
from enum import Enum
from typing import Any

from sqlalchemy import Row

from crypto_bot.adapters.store.paper_tables import paper_trades as trades_table
from crypto_bot.domain.ledger import Event, Kind, Target, Terms
from crypto_bot.domain.paper_report import ClosedTrade
from crypto_bot.domain.signal import Pred, Source

_TRADE = [column.name for column in trades_table.columns][4:]
"""What a row of `paper_trades` has of its trade, after engine, account, id and timeframe."""


def event_row(event: Event, engine: int, tf: str) -> tuple[Any, ...]:
    """The values of `event` in the order of the columns of `paper_events`."""
    of_id, account, *_, terms = event
    text = None if terms is None else _terms_text(terms)
    return (engine, of_id, account, tf, *map(_plain, event[2:-1]), text)


def event_of(row: Row[Any]) -> Event:
    """The event of a row of `paper_events`."""
    values: tuple[Any, ...] = tuple(row)
    _, of_id, account, _, seq, at_ms, kind, cash, *names, side, reason = values[:12]
    *fill, terms = values[12:]
    made = [of_id, account, seq, at_ms, Kind(kind), Decimal(cash)]
    made += [*names, None if side is None else Pred(side), reason, *map(Decimal, fill)]
    return Event._make([*made, None if terms is None else _terms_of(terms)])


def trade_row(account: str, trade: ClosedTrade, engine: int, tf: str) -> tuple[Any, ...]:
    """The values of `trade` in the order of the columns of `paper_trades`."""
    values = (_plain(getattr(trade, name)) for name in _TRADE)
    return (engine, account, trade.prediction_id, tf, *values)


def _plain(value: Any) -> Any:
    """A number or text as the database keeps it."""
    if isinstance(value, Decimal):
        return str(value)
    return value.value if isinstance(value, Enum) else value


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
    terms = json.loads(text)
    return Terms(
        stop=Decimal(terms["stop"]),
        targets=tuple(Target(Decimal(price), Decimal(n)) for price, n in terms["targets"]),
        expires_ms=terms["expires_ms"],
        atr=Decimal(terms["atr"]),
        source=Source(terms["source"]),
    )
