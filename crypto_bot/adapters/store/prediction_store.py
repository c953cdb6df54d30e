"""The prediction log of one timeframe, in the database: rows are added and never change."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, case, func, select

from crypto_bot.adapters.store.database import Database
from crypto_bot.adapters.store.day_records import add_to_days, not_stored
from crypto_bot.adapters.store.newest import newest_opens
from crypto_bot.adapters.store.prediction_rows import (
    outcome_row,
    prediction_row,
    stored_signal,
)
from crypto_bot.adapters.store.tables import engine as engine_table
from crypto_bot.adapters.store.tables import outcomes as outcomes_table
from crypto_bot.adapters.store.tables import predictions as predictions_table
from crypto_bot.domain.outcome import Outcome
from crypto_bot.domain.record import Tally
from crypto_bot.domain.signal import Pred, Probabilities, Signal, Source
from crypto_bot.domain.timeframe import Timeframe
from crypto_bot.ports import Settled, StoredSignal

_SETTLED = predictions_table.join(outcomes_table)


class SqlPredictionStore:
    """Answers `ports.PredictionStore` for the signals of `timeframe`."""

    def __init__(self, database: Database, timeframe: Timeframe) -> None:
        self._database = database
        self._tf = timeframe.name

    def commit(self, signals: Sequence[StoredSignal], outcomes: Sequence[Outcome]) -> None:
        with self._database.writing() as connection:
            self._database.insert(connection, predictions_table, map(prediction_row, signals))
            fresh = not_stored(connection, outcomes)
            self._database.insert(connection, outcomes_table, map(outcome_row, fresh))
            add_to_days(connection, [outcome.prediction_id for outcome in fresh])

    def newest_opens(self) -> dict[str, int]:
        query = newest_opens(predictions_table, predictions_table.c.candle_open_ms, self._tf)
        with self._database.reading() as connection:
            return dict(connection.execute(query).all())

    def unsettled(self) -> list[Signal]:
        query = (
            select(predictions_table)
            .select_from(predictions_table.outerjoin(outcomes_table))
            .where(predictions_table.c.tf == self._tf, outcomes_table.c.prediction_id.is_(None))
            .order_by(predictions_table.c.candle_open_ms, predictions_table.c.symbol)
        )
        with self._database.reading() as connection:
            return [stored_signal(row).signal for row in connection.execute(query)]

    def tallies(self) -> dict[tuple[Source, str], Tally]:
        column = predictions_table.c
        query = self._tallied(column.source, column.symbol)
        with self._database.reading() as connection:
            return {
                (Source(source), symbol): Tally(n, hits, flats)
                for source, symbol, n, hits, flats in connection.execute(query)
            }

    def settled_since(self, since_ms: int) -> list[Settled]:
        column, settled_ms = predictions_table.c, outcomes_table.c.settled_ms
        query = (
            self._tallied(column.source, settled_ms)
            .where(settled_ms >= since_ms)
            .order_by(settled_ms, column.source)
        )
        with self._database.reading() as connection:
            return [
                Settled(Source(source), at_ms, Tally(n, hits, flats))
                for source, at_ms, n, hits, flats in connection.execute(query)
            ]

    def model_calls(
        self, symbol: str, model_version: str, since_ms: int
    ) -> list[tuple[int, Probabilities]]:
        column = predictions_table.c
        query = (
            select(column.candle_open_ms, column.p_short, column.p_no_trade, column.p_long)
            .where(column.tf == self._tf, column.symbol == symbol)
            .where(column.candle_open_ms >= since_ms, column.model_version == model_version)
            .order_by(column.candle_open_ms)
        )
        with self._database.reading() as connection:
            return [(open_ms, Probabilities(*told)) for open_ms, *told in connection.execute(query)]

    def _tallied(self, *keys: ColumnElement[Any]) -> Select[Any]:
        """Labelled outcomes by `keys`: how many, how many right, how many moved neither way."""
        pred, label = predictions_table.c.pred, outcomes_table.c.label
        is_flat = and_(label == Pred.NO_TRADE.value, pred != Pred.NO_TRADE.value)
        return (
            select(*keys, func.count(), _count_if(label == pred), _count_if(is_flat))
            .select_from(_SETTLED)
            .where(predictions_table.c.tf == self._tf, label.is_not(None))
            .group_by(*keys)
        )

    def first_bar(self, proposed_ms: int) -> int:
        query = select(engine_table.c.first_bar_ms).where(engine_table.c.tf == self._tf)
        with self._database.writing() as connection:
            self._database.insert(connection, engine_table, [(self._tf, proposed_ms)])
            return int(connection.execute(query).scalar_one())


def _count_if(condition: ColumnElement[bool]) -> ColumnElement[int]:
    return func.sum(case((condition, 1), else_=0))
