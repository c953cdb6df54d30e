"""What was committed in a span of time, for who was told of it and missed it."""

from __future__ import annotations

from collections import defaultdict

from sqlalchemy import Connection, and_, func, select

from crypto_bot.adapters.store.database import Database
from crypto_bot.adapters.store.prediction_rows import outcome_of, stored_signal
from crypto_bot.adapters.store.tables import outcomes as outcomes_table
from crypto_bot.adapters.store.tables import predictions as predictions_table
from crypto_bot.domain.outcome import Outcome
from crypto_bot.domain.timeframe import Timeframe
from crypto_bot.ports import Commit, StoredSignal

REACH_MS = 30 * 86_400_000
"""A signal made in the span is found where its candle opened no longer before the span."""


class SqlCommitHistory:
    """Answers `ports.CommitHistory` for the signals of `timeframe`. Raises StoreError."""

    def __init__(self, database: Database, timeframe: Timeframe) -> None:
        self._database = database
        self._timeframe = timeframe

    def newest_ms(self) -> int:
        """When the newest signal was made; 0 where there is none."""
        column = predictions_table.c
        last = select(func.max(column.candle_open_ms)).where(column.tf == self._timeframe.name)
        with self._database.reading() as connection:
            # A coin that was caught up since has an older candle, but it was before a round's end.
            open_ms = connection.scalar(last)
            if open_ms is None:
                return 0
            made = select(func.max(column.created_ms)).where(
                column.tf == self._timeframe.name, column.candle_open_ms >= open_ms - REACH_MS
            )
            return int(connection.scalar(made) or 0)

    def commits(self, since_ms: int, until_ms: int, limit: int) -> list[Commit] | None:
        """As the port has it. Reads the index of the candles, not the whole log."""
        column = predictions_table.c
        query = (
            select(predictions_table)
            .where(
                column.tf == self._timeframe.name,
                column.candle_open_ms >= since_ms - REACH_MS,
                column.created_ms.between(since_ms, until_ms),
            )
            .order_by(column.created_ms, column.candle_open_ms, column.symbol)
            .limit(limit + 1)
        )
        with self._database.reading() as connection:
            signals = [stored_signal(row) for row in connection.execute(query)]
            if len(signals) > limit:
                return None
            outcomes = self._outcomes(connection, signals, since_ms, until_ms)
        made: dict[int, list[StoredSignal]] = defaultdict(list)
        for stored in signals:
            made[stored.created_ms].append(stored)
        return [Commit(at_ms, made[at_ms], outcomes.get(at_ms, [])) for at_ms in sorted(made)]

    def _outcomes(
        self, connection: Connection, signals: list[StoredSignal], since_ms: int, until_ms: int
    ) -> dict[int, list[Outcome]]:
        """By the time of their commit: that of the coin's signal for the candle that settled it."""
        if not signals:
            return {}
        tf_ms = self._timeframe.ms
        horizon_ms = 2 * tf_ms * max(stored.signal.horizon_bars for stored in signals)
        first_ms = min(stored.signal.candle_open_ms for stored in signals)
        settling, settled = predictions_table.alias("settling"), predictions_table.alias("settled")
        query = (
            select(settling.c.created_ms, outcomes_table)
            .select_from(settling)
            .join(
                settled,
                and_(
                    settled.c.tf == settling.c.tf,
                    settled.c.symbol == settling.c.symbol,
                    settled.c.candle_open_ms >= settling.c.candle_open_ms - horizon_ms,
                    settled.c.candle_open_ms < settling.c.candle_open_ms,
                ),
            )
            .join(
                outcomes_table,
                and_(
                    outcomes_table.c.prediction_id == settled.c.id,
                    outcomes_table.c.settled_ms == settling.c.candle_open_ms + tf_ms,
                ),
            )
            .where(
                settling.c.tf == self._timeframe.name,
                settling.c.candle_open_ms >= first_ms,
                settling.c.created_ms.between(since_ms, until_ms),
            )
            .order_by(settled.c.candle_open_ms, settled.c.symbol)
        )
        found: dict[int, list[Outcome]] = defaultdict(list)
        for row in connection.execute(query):
            found[row.created_ms].append(outcome_of(row))
        return found
