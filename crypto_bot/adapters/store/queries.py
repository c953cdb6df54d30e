"""What the API and the page ask of the database: the newest signals, the log, its performance."""

from __future__ import annotations

from math import nan
from typing import NamedTuple

from sqlalchemy import ColumnElement, and_, case, func, or_, select

from crypto_bot.adapters.store.database import Database
from crypto_bot.adapters.store.newest import newest_opens
from crypto_bot.adapters.store.prediction_rows import outcome_of, stored_signal
from crypto_bot.adapters.store.tables import candles as candles_table
from crypto_bot.adapters.store.tables import outcomes as outcomes_table
from crypto_bot.adapters.store.tables import predictions as predictions_table
from crypto_bot.domain.candle import Candle
from crypto_bot.domain.outcome import Outcome
from crypto_bot.domain.signal import Pred, Source
from crypto_bot.domain.timeframe import Timeframe
from crypto_bot.ports import StoredSignal


class LogEntry(NamedTuple):
    """A signal of the log with its outcome, None while it is open."""

    stored: StoredSignal
    outcome: Outcome | None


class Performance(NamedTuple):
    """Settled signals of one source on one coin, late ones left out.

    Hits count among the `labelled`; returns are gross and of the `trades` (LONG and SHORT) alone.
    """

    source: Source
    symbol: str
    settled: int
    labelled: int
    hits: int
    trades: int
    return_sum_bps: float
    return_squares_bps2: float

    @property
    def mean_return_bps(self) -> float:
        """Mean gross return of a trade; NaN where there is none."""
        return self.return_sum_bps / self.trades if self.trades else nan

    @property
    def var_return_bps2(self) -> float:
        """Sample variance of the returns of the trades; NaN below two."""
        if self.trades < 2:
            return nan
        spread = self.return_squares_bps2 - self.return_sum_bps**2 / self.trades
        return max(0.0, spread / (self.trades - 1))


class Queries:
    """Reads the database of one timeframe; every method raises StoreError where that fails."""

    def __init__(self, database: Database, timeframe: Timeframe) -> None:
        self._database = database
        self._tf = timeframe.name

    def latest_predictions(self) -> dict[str, StoredSignal]:
        """The newest signal of each symbol."""
        column = predictions_table.c
        newest = newest_opens(predictions_table, column.candle_open_ms, self._tf).subquery()
        symbol, open_ms = newest.c
        query = select(predictions_table).join(
            newest,
            and_(column.tf == self._tf, column.symbol == symbol, column.candle_open_ms == open_ms),
        )
        with self._database.reading() as connection:
            found = [stored_signal(row) for row in connection.execute(query)]
        return {stored.signal.symbol: stored for stored in found}

    def latest_prediction(self, symbol: str) -> StoredSignal | None:
        """The newest signal of `symbol`; None where it has none."""
        log = self.prediction_log(symbol=symbol, limit=1)
        return log[0].stored if log else None

    def prediction_log(
        self,
        symbol: str | None = None,
        source: Source | None = None,
        since_ms: int | None = None,
        before: str | None = None,
        limit: int = 100,
    ) -> list[LogEntry]:
        """Signals by candle, newest first, then by symbol.

        `since_ms` is the oldest candle wanted. `before` is the id of the last signal of one page
        and gives the next; rows that come in between do not shift it. Raises ValueError for a
        `before` that is no id.
        """
        column = predictions_table.c
        query = (
            select(predictions_table, outcomes_table)
            .select_from(predictions_table.outerjoin(outcomes_table))
            .where(*self._wanted(symbol, source, since_ms))
            .order_by(column.candle_open_ms.desc(), column.symbol)
            .limit(limit)
        )
        if before is not None:
            last_symbol, _, last_open = before.rsplit(":", 2)
            open_ms = int(last_open)
            query = query.where(
                column.candle_open_ms <= open_ms,
                or_(column.candle_open_ms < open_ms, column.symbol > last_symbol),
            )
        with self._database.reading() as connection:
            return [
                LogEntry(stored_signal(row), None if row.settled_ms is None else outcome_of(row))
                for row in connection.execute(query)
            ]

    def performance(
        self,
        symbol: str | None = None,
        source: Source | None = None,
        since_ms: int | None = None,
    ) -> list[Performance]:
        """By source and symbol, over signals whose candle opened at or after `since_ms`."""
        column, outcome = predictions_table.c, outcomes_table.c
        is_trade = column.pred != Pred.NO_TRADE.value
        query = (
            select(
                column.source,
                column.symbol,
                func.count(),
                func.count(outcome.label),
                _sum_if(outcome.correct, 1),
                _sum_if(is_trade, 1),
                _sum_if(is_trade, outcome.return_bps),
                _sum_if(is_trade, outcome.return_bps * outcome.return_bps),
            )
            .select_from(predictions_table.join(outcomes_table))
            .where(*self._wanted(symbol, source, since_ms), ~column.late)
            .group_by(column.source, column.symbol)
            .order_by(column.source, column.symbol)
        )
        with self._database.reading() as connection:
            return [
                Performance(Source(name), coin, *(int(count) for count in counts), *sums)
                for name, coin, counts, sums in (
                    (row[0], row[1], row[2:6], row[6:]) for row in connection.execute(query)
                )
            ]

    def candles(self, symbol: str, limit: int) -> list[Candle]:
        """The newest `limit` candles of `symbol`, ascending."""
        column = candles_table.c
        query = (
            select(
                column.open_ms, column.open, column.high, column.low, column.close, column.volume
            )
            .where(column.symbol == symbol, column.tf == self._tf)
            .order_by(column.open_ms.desc())
            .limit(limit)
        )
        with self._database.reading() as connection:
            newest_first = [Candle._make(row) for row in connection.execute(query)]
        return newest_first[::-1]

    def _wanted(
        self, symbol: str | None, source: Source | None, since_ms: int | None
    ) -> list[ColumnElement[bool]]:
        column = predictions_table.c
        conditions: list[ColumnElement[bool]] = [column.tf == self._tf]
        if symbol is not None:
            conditions.append(column.symbol == symbol)
        if source is not None:
            conditions.append(column.source == source.value)
        if since_ms is not None:
            conditions.append(column.candle_open_ms >= since_ms)
        return conditions


def _sum_if(
    condition: ColumnElement[bool], value: ColumnElement[float] | int
) -> ColumnElement[float]:
    return func.sum(case((condition, value), else_=0))
