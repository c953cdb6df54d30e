"""What the API and the page ask of the database: the newest signals, the log, its performance."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Select, func, select, tuple_

from crypto_bot.adapters.store.candle_archive import EVER_MS, SqlCandleArchive
from crypto_bot.adapters.store.database import Database
from crypto_bot.adapters.store.day_records import BEGINS, settled, summed
from crypto_bot.adapters.store.prediction_rows import outcome_of, stored_signal
from crypto_bot.adapters.store.scope import newest_opens, of_engine, of_market, served
from crypto_bot.adapters.store.tables import CANDLE, HAS_SIDE, outcome_side
from crypto_bot.adapters.store.tables import candles as candles_table
from crypto_bot.adapters.store.tables import day_records as days_table
from crypto_bot.adapters.store.tables import outcomes as outcomes_table
from crypto_bot.adapters.store.tables import predictions as predictions_table
from crypto_bot.domain.candle import Candle
from crypto_bot.domain.instant import DAY_MS
from crypto_bot.domain.log import Ended, LogFilter
from crypto_bot.domain.outcome import Status
from crypto_bot.domain.signal import Pred, Source
from crypto_bot.domain.timeframe import Timeframe
from crypto_bot.ports import (
    DayRecord,
    LoggedSignal,
    LogPosition,
    ResolvedCall,
    StoredSignal,
)

_SOURCES = {source.value: source for source in Source}
_BY_DAY = ("day", predictions_table.c.source, predictions_table.c.symbol)


class SqlPredictionQueries:
    """Answers `ports.PredictionQueries` for what the engine of `database.key` served.

    Raises StoreError.
    """

    def __init__(self, database: Database, timeframe: Timeframe) -> None:
        self._database = database
        self._tf, self._tf_ms = timeframe.name, timeframe.ms
        self._served = served(database, timeframe)
        self._days_of_engine = of_engine(days_table, database, timeframe)
        self._candles = of_market(candles_table, database, timeframe)
        self._archive = SqlCandleArchive(database, timeframe)

    def latest_predictions(self) -> list[StoredSignal]:
        column = predictions_table.c
        newest = newest_opens(predictions_table, column.candle_open_ms, *self._served)
        with self._database.reading() as connection:
            # Two steps: joined, the planner may read the whole log.
            ids = [
                f"{symbol}:{self._tf}:{open_ms}" for symbol, open_ms in connection.execute(newest)
            ]
            query = (
                select(predictions_table)
                .where(column.engine == self._database.engine_id, column.id.in_(ids))
                .order_by(column.symbol)
            )
            return [
                stored_signal(row, self._database.key.name) for row in connection.execute(query)
            ]

    def latest_prediction(self, symbol: str) -> StoredSignal | None:
        log = self.log_page(LogFilter(symbol), None, 1)
        return log[0].stored if log else None

    def log_page(
        self, wanted: LogFilter, before: LogPosition | None, limit: int
    ) -> list[LoggedSignal]:
        position = tuple_(predictions_table.c.candle_open_ms, predictions_table.c.symbol)
        query = (
            select(predictions_table, outcomes_table)
            .select_from(predictions_table.outerjoin(outcomes_table))
            .where(*self._wanted(wanted.symbol, wanted.source, wanted.since_ms))
            .order_by(predictions_table.c.candle_open_ms.desc(), predictions_table.c.symbol.desc())
            .limit(limit)
        )
        if wanted.until_ms is not None:
            query = query.where(predictions_table.c.candle_open_ms < wanted.until_ms)
        if wanted.ended is not None:
            query = query.where(*_ended(wanted.ended))
        if before is not None:
            query = query.where(position < before)
        with self._database.reading() as connection:
            return [
                LoggedSignal(
                    stored_signal(row, self._database.key.name),
                    None if row.prediction_id is None else outcome_of(row),
                )
                for row in connection.execute(query)
            ]

    def performance_rows(
        self, symbol: str | None, source: Source | None, since_ms: int | None
    ) -> list[DayRecord]:
        whole = self._days(symbol, source)
        with self._database.reading() as connection:
            if since_ms is None:
                rows = list(connection.execute(whole))
            else:
                # The day that it lies in is added up anew, from there on.
                first_whole = -(-since_ms // DAY_MS)
                wanted = self._wanted(symbol, source, since_ms)
                to_whole = predictions_table.c.candle_open_ms < first_whole * DAY_MS
                part = summed(self._tf_ms, *wanted, to_whole)
                rows = list(connection.execute(part.order_by(*_BY_DAY)))
                rows += connection.execute(whole.where(days_table.c.day >= first_whole))
        return [
            DayRecord(_SOURCES[name], coin, day, *sums) for _, _, day, name, coin, *sums in rows
        ]

    def resolved_calls(self, since_ms: int, until_ms: int) -> list[ResolvedCall]:
        column, outcome = predictions_table.c, outcomes_table.c
        query = (
            select(
                column.source,
                column.symbol,
                column.model_version,
                column.candle_open_ms,
                column.horizon_bars * self._tf_ms,
                column.pred,
                outcome_side,
                BEGINS,
                column.p_short,
                column.p_no_trade,
                column.p_long,
                outcome.return_bps,
                func.coalesce(column.cost_bps, 0.0),
                column.entry,
                column.stop_loss,
                column.atr,
            )
            .select_from(settled(self._tf_ms))
            .where(*self._wanted(None, None, since_ms))
            .where(~column.late, HAS_SIDE)
            .where(column.candle_open_ms < until_ms)
            .order_by(column.candle_open_ms, column.symbol)
        )
        with self._database.reading() as connection:
            return [ResolvedCall._make(row) for row in connection.execute(query)]

    def oldest_open(self, since_ms: int) -> int | None:
        column = predictions_table.c
        newest = select(func.max(column.candle_open_ms)).where(*self._wanted(None, None, None))
        over_ms = column.candle_open_ms + (column.horizon_bars + 1) * self._tf_ms + DAY_MS
        query = (
            select(func.min(column.candle_open_ms))
            .select_from(predictions_table.outerjoin(outcomes_table))
            .where(*self._wanted(None, None, since_ms), outcomes_table.c.prediction_id.is_(None))
            .where(over_ms > newest.scalar_subquery())
        )
        with self._database.reading() as connection:
            found: int | None = connection.execute(query).scalar_one()
            return found

    def candles(self, symbol: str, limit: int) -> list[Candle]:
        column = candles_table.c
        query = (
            select(*CANDLE)
            .where(*self._candles, column.symbol == symbol)
            .order_by(column.open_ms.desc())
            .limit(limit)
        )
        with self._database.reading() as connection:
            newest_first = [Candle._make(row) for row in connection.execute(query)]
        return newest_first[::-1]

    def candles_since(self, symbols: Sequence[str], since_ms: int) -> dict[str, list[Candle]]:
        return self._archive.of_coins(symbols, since_ms, EVER_MS)

    def candles_between(self, symbol: str, since_ms: int, until_ms: int) -> list[Candle]:
        return self._archive.read(symbol, since_ms, until_ms - 1, revised=True)

    def oldest_candle(self, symbol: str) -> int | None:
        column = candles_table.c
        query = select(func.min(column.open_ms)).where(*self._candles, column.symbol == symbol)
        with self._database.reading() as connection:
            found: int | None = connection.execute(query).scalar_one()
            return found

    def _days(self, symbol: str | None, source: Source | None) -> Select[Any]:
        column = days_table.c
        query = select(days_table).where(*self._days_of_engine)
        if symbol is not None:
            query = query.where(column.symbol == symbol)
        if source is not None:
            query = query.where(column.source == source.value)
        return query.order_by(column.day, column.source, column.symbol)

    def _wanted(
        self, symbol: str | None, source: Source | None, since_ms: int | None
    ) -> list[ColumnElement[bool]]:
        column = predictions_table.c
        conditions = list(self._served)
        if symbol is not None:
            conditions.append(column.symbol == symbol)
        if source is not None:
            conditions.append(column.source == source.value)
        if since_ms is not None:
            conditions.append(column.candle_open_ms >= since_ms)
        return conditions


_IS_TRADE = predictions_table.c.pred != Pred.NO_TRADE.value
_TARGETS = (Status.TP1.value, Status.TP2.value, Status.TP3.value)


def _ended(wanted: Ended) -> tuple[ColumnElement[bool], ...]:
    outcome = outcomes_table.c
    return {
        Ended.TRADE: (_IS_TRADE, outcome.prediction_id.is_not(None)),
        Ended.TARGET: (outcome.status.in_(_TARGETS),),
        Ended.STOP: (outcome.status == Status.SL.value,),
        Ended.EXPIRED: (_IS_TRADE, outcome.status == Status.EXPIRED.value),
        Ended.OPEN: (_IS_TRADE, outcome.prediction_id.is_(None)),
        Ended.RIGHT: (outcome.correct,),
        Ended.WRONG: (~outcome.correct,),
    }[wanted]
