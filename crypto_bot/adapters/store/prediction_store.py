"""The prediction log of one engine and timeframe: rows are added and never change."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, case, func, select, text

from crypto_bot.adapters.store.database import Database
from crypto_bot.adapters.store.day_records import add_to_days, not_stored
from crypto_bot.adapters.store.prediction_rows import (
    outcome_row,
    prediction_row,
    stored_signal,
)
from crypto_bot.adapters.store.scope import newest_opens, of_engine, served
from crypto_bot.adapters.store.tables import (
    HAS_SIDE,
    IS_CALL,
    NOT_SERVED,
    SERVED,
    deleted_tallies,
    given,
    outcome_side,
)
from crypto_bot.adapters.store.tables import commits as commits_table
from crypto_bot.adapters.store.tables import engine as engine_table
from crypto_bot.adapters.store.tables import markets as markets_table
from crypto_bot.adapters.store.tables import outcomes as outcomes_table
from crypto_bot.adapters.store.tables import predictions as predictions_table
from crypto_bot.domain.errors import ConfigError
from crypto_bot.domain.outcome import Outcome
from crypto_bot.domain.record import Tally
from crypto_bot.domain.signal import Pred, Probabilities, Signal, Source
from crypto_bot.domain.timeframe import Timeframe
from crypto_bot.ports import Commit, Settled, SettledCall, StoredSignal

_SETTLED = predictions_table.join(outcomes_table)

# The row is locked until the end of the transaction: whoever reads a number has all that was
# committed under smaller ones.
_NEXT_NUMBER = text(
    "INSERT INTO commit_numbers (id, newest) VALUES (1, 1) "
    "ON CONFLICT (id) DO UPDATE SET newest = commit_numbers.newest + 1 RETURNING newest"
)


class SqlPredictionStore:
    """Answers `ports.PredictionStore` for the engine of `database.key` on `timeframe`.

    `observe` is called after each commit with what was served of it, in the order of the commits.
    """

    def __init__(
        self,
        database: Database,
        timeframe: Timeframe,
        observe: Callable[[Commit], None] | None = None,
    ) -> None:
        self._database = database
        self._timeframe, self._tf = timeframe, timeframe.name
        self._observe = observe
        self._of_engine = of_engine(predictions_table, database, timeframe)
        self._served = served(database, timeframe)

    def commit(self, signals: Sequence[StoredSignal], outcomes: Sequence[Outcome]) -> None:
        with self._database.commit_order:
            commit = self._write(signals, outcomes)
            if self._observe is not None:
                self._observe(commit)

    def newest_opens(self) -> dict[str, int]:
        query = newest_opens(predictions_table, predictions_table.c.candle_open_ms, *self._served)
        with self._database.reading() as connection:
            return dict(connection.execute(query).all())

    def caught_up(self) -> dict[str, list[tuple[int, int]]]:
        """By symbol: `(first open, newest bar when it was run)` of candles that were run late."""
        column, tf_ms = predictions_table.c, self._timeframe.ms
        at_ms = (column.created_ms // tf_ms - 1) * tf_ms
        query = (
            select(column.symbol, func.min(column.candle_open_ms), at_ms)
            .where(*self._served, at_ms > column.candle_open_ms)
            .group_by(column.symbol, at_ms)
            .order_by(column.symbol, func.min(column.candle_open_ms))
        )
        found: dict[str, list[tuple[int, int]]] = {}
        with self._database.reading() as connection:
            for symbol, since_ms, newest_ms in connection.execute(query):
                found.setdefault(symbol, []).append((since_ms, newest_ms))
        return found

    def oldest_open(self) -> int | None:
        """Of the oldest candle that has a prediction still."""
        query = select(func.min(predictions_table.c.candle_open_ms)).where(*self._served)
        with self._database.reading() as connection:
            found: int | None = connection.scalar(query)
        return found

    def unsettled(self) -> list[Signal]:
        column = predictions_table.c
        query = (
            select(predictions_table)
            .select_from(predictions_table.outerjoin(outcomes_table))
            .where(*self._of_engine, outcomes_table.c.prediction_id.is_(None))
            .order_by(column.candle_open_ms, column.symbol)
        )
        with self._database.reading() as connection:
            # One after the other, each in the order of its index: both at once would be sorted.
            found = [
                stored_signal(row, self._database.key.name).signal
                for of_roles in (SERVED, NOT_SERVED)
                for row in connection.execute(query.where(of_roles))
            ]
        return sorted(found, key=_age)

    def tallies(self) -> dict[tuple[Source, str], Tally]:
        """Those of stored predictions and of deleted ones."""
        column, gone = predictions_table.c, deleted_tallies.c
        stored = tallied(column.source, column.symbol).where(*self._served)
        deleted = select(gone.source, gone.symbol, gone.n, gone.hits, gone.flats).where(
            *of_engine(deleted_tallies, self._database, self._timeframe)
        )
        found: dict[tuple[Source, str], Tally] = {}
        with self._database.reading() as connection:
            for query in (stored, deleted):
                for source, symbol, n, hits, flats in connection.execute(query):
                    key, before = (Source(source), symbol), found.get((Source(source), symbol))
                    tally = Tally(n, hits, flats)
                    found[key] = tally if before is None else before.plus(tally)
        return found

    def settled_since(self, since_ms: int) -> list[Settled]:
        column, settled_ms = predictions_table.c, outcomes_table.c.settled_ms
        query = (
            tallied(column.source, settled_ms)
            .where(*self._served, settled_ms >= since_ms)
            .order_by(settled_ms, column.source)
        )
        with self._database.reading() as connection:
            return [
                Settled(Source(source), at_ms, Tally(n, hits, flats))
                for source, at_ms, n, hits, flats in connection.execute(query)
            ]

    def settled_calls(self, since_ms: int) -> list[SettledCall]:
        column, settled_ms = predictions_table.c, outcomes_table.c.settled_ms
        query = (
            select(settled_ms, column.candle_open_ms, column.symbol, outcome_side, *given())
            .select_from(_SETTLED)
            .where(*self._served, settled_ms >= since_ms, HAS_SIDE)
            .where(column.model_version.is_not(None), column.distribution.is_(None))
        )
        with self._database.reading() as connection:
            return [
                SettledCall(at_ms, open_ms, symbol, Probabilities(*p), Pred(side))
                for at_ms, open_ms, symbol, side, *p in connection.execute(query)
            ]

    def model_calls(
        self, symbol: str, model_version: str, since_ms: int
    ) -> list[tuple[int, Probabilities]]:
        column = predictions_table.c
        query = (
            select(column.candle_open_ms, *given())
            .where(*self._served, column.symbol == symbol)
            .where(column.candle_open_ms >= since_ms, column.model_version == model_version)
            .order_by(column.candle_open_ms)
        )
        with self._database.reading() as connection:
            return [
                (open_ms, Probabilities(*sides)) for open_ms, *sides in connection.execute(query)
            ]

    def _write(self, signals: Sequence[StoredSignal], outcomes: Sequence[Outcome]) -> Commit:
        """One transaction; returns what was served of it."""
        engine, insert = self._database.engine_id, self._database.insert
        with self._database.writing() as connection:
            number = int(connection.execute(_NEXT_NUMBER).scalar_one())
            rows = (prediction_row(stored, engine, number) for stored in signals)
            insert(connection, predictions_table, rows)
            fresh = not_stored(connection, engine, outcomes)
            settled = (outcome_row(outcome, engine, number) for outcome in fresh)
            insert(connection, outcomes_table, settled)
            ids = [outcome.prediction_id for outcome in fresh]
            add_to_days(connection, engine, ids, self._timeframe.ms)
            commit = Commit.of_served(number, signals, outcomes)
            if opens := commit.candle_opens():
                made_ms = max((each.created_ms for each in commit.signals), default=None)
                row = (engine, self._tf, number, min(opens), made_ms)
                insert(connection, commits_table, [row])
        return commit

    def first_bar(self, proposed_ms: int) -> int:
        database, key, market = self._database, self._database.key, markets_table.c
        query = (
            select(market.exchange, market.market, engine_table.c.first_bar_ms)
            .where(*of_engine(engine_table, database, self._timeframe))
            .where(market.id == engine_table.c.market_id)
        )
        row = (database.engine_id, self._tf, database.market_id, proposed_ms)
        with self._database.writing() as connection:
            self._database.insert(connection, engine_table, [row])
            exchange, market, first_bar_ms = connection.execute(query).one()
        if (exchange, market) != (key.exchange, key.market):
            raise ConfigError(
                f"engine {key.name} of database {self._database.name} runs on {exchange} {market}, "
                f"not on {key.exchange} {key.market}: give this one an engine.name of its own"
            )
        return int(first_bar_ms)


def tallied(*keys: ColumnElement[Any]) -> Select[Any]:
    """Outcomes of calls by `keys`: how many, how many right, how many moved neither way."""
    pred, outcome = predictions_table.c.pred, outcomes_table.c
    is_flat = and_(outcome_side == Pred.NO_TRADE.value, pred != Pred.NO_TRADE.value)
    return (
        select(*keys, func.count(), _count_if(outcome.correct), _count_if(is_flat))
        .select_from(_SETTLED)
        .where(IS_CALL)
        .group_by(*keys)
    )


def _age(signal: Signal) -> tuple[int, str, str, str]:
    return signal.candle_open_ms, signal.symbol, signal.role, signal.id


def _count_if(condition: ColumnElement[bool]) -> ColumnElement[int]:
    return func.sum(case((condition, 1), else_=0))
