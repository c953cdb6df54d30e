"""The report of a paper account for page, API and terminal."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal

from crypto_bot.domain.fills import EXACT
from crypto_bot.domain.ledger import Position
from crypto_bot.domain.paper_report import AccountReport, AccountStatistics, OpenPosition
from crypto_bot.domain.risk import descriptions
from crypto_bot.engine.paper.trader import PaperTrader

TRADES = 200
POINTS = 800


def report(
    trader: PaperTrader,
    statistics: AccountStatistics,
    refusals: Mapping[str, int],
    at_ms: int,
) -> AccountReport:
    """As of `at_ms`; trades and the curve are bounded in number."""
    plan, account = trader.plan, trader.book.account
    owed = Decimal(0) if trader.is_open else plan.start  # is paid in at the first close
    equity = EXACT.add(account.equity(trader.marks), owed)
    return AccountReport(
        name=plan.name,
        market=plan.market.value,
        rules=descriptions(plan),
        start=plan.start,
        cash=EXACT.add(account.cash, owed),
        equity=equity,
        at_ms=at_ms,
        open_positions=tuple(
            _open(position, trader.marks.get(symbol))
            for symbol, position in sorted(account.positions.items())
        ),
        closed_trades=tuple(trader.book.closed[: -TRADES - 1 : -1]),
        refusals=dict(refusals),
        curve=tuple(trader.curve.drawn(POINTS)),
        # The statistics are of the newest bar, the equity of the newest quotes.
        statistics=replace(statistics, return_share=float(equity / plan.start) - 1.0),
        round_trip_bps=plan.costs.round_trip_bps,
    )


def _open(position: Position, price: Decimal | None) -> OpenPosition:
    unrealised = None if price is None else position.gain(price)
    gained = None
    if unrealised is not None:
        total = EXACT.add(EXACT.add(unrealised, position.gross), position.funding)
        gained = EXACT.subtract(total, position.fees)
    return OpenPosition(
        symbol=position.symbol,
        side=position.side,
        amount=position.amount,
        entry=position.entry,
        entry_ms=position.entry_ms,
        stop=position.stop,
        targets=tuple(target.price for target in position.terms.targets[position.reached :]),
        expires_ms=position.terms.expires_ms,
        price=price,
        unrealised=unrealised,
        r=None if gained is None else float(gained / position.risked),
        prediction_id=position.prediction_id,
        source=position.terms.source,
    )
