"""What was committed after a given commit, for clients that missed it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from sqlalchemy import and_, func, or_, select

from crypto_bot.adapters.store.database import Database
from crypto_bot.adapters.store.prediction_rows import outcome_of, stored_signal
from crypto_bot.adapters.store.scope import served
from crypto_bot.adapters.store.tables import commit_numbers as numbers_table
from crypto_bot.adapters.store.tables import outcomes as outcomes_table
from crypto_bot.adapters.store.tables import predictions as predictions_table
from crypto_bot.domain.engine_key import EngineKey
from crypto_bot.domain.instant import DAY_MS
from crypto_bot.domain.timeframe import Timeframe
from crypto_bot.ports import Commit

REACH_MS = 2 * DAY_MS
"""`number_at` looks at candles that opened no longer before."""


class SqlCommitHistory:
    """Answers `ports.CommitHistory` for the engine of `database.key` on `timeframe`.

    And for engines `beside` it, each with its timeframe, that commit in the same process.
    """

    def __init__(
        self,
        database: Database,
        timeframe: Timeframe,
        beside: Sequence[tuple[EngineKey, Timeframe]] = (),
    ) -> None:
        self._database = database
        engines = ((database.key, timeframe), *beside)
        self._served = (or_(*(and_(*served(*each)) for each in engines)),)

    def newest(self) -> int:
        with self._database.reading() as connection:
            return int(connection.scalar(select(numbers_table.c.newest)) or 0)

    def commits(self, after: int, until: int, limit: int) -> list[Commit] | None:
        column, number = predictions_table.c, outcomes_table.c.commit_number
        made = (
            select(predictions_table)
            .where(*self._served, column.commit_number > after, column.commit_number <= until)
            .order_by(column.commit_number, column.candle_open_ms, column.symbol)
            .limit(limit + 1)
        )
        settled = (
            select(outcomes_table)
            .select_from(outcomes_table.join(predictions_table))
            .where(*self._served, number > after, number <= until)
            .order_by(number, column.candle_open_ms, column.symbol)
        )
        found: dict[int, Commit] = defaultdict(lambda: Commit(0, [], []))
        with self._database.reading() as connection:
            rows = connection.execute(made).all()
            if len(rows) > limit:
                return None
            for row in rows:
                found[row.commit_number].signals.append(stored_signal(row))
            for row in connection.execute(settled):
                found[row.commit_number].outcomes.append(outcome_of(row))
        return [found[each]._replace(number=each) for each in sorted(found)]

    def span_ms(self, after: int, until: int) -> tuple[int, int]:
        column = predictions_table.c
        made = select(column.created_ms).where(
            *self._served, column.commit_number > after, column.commit_number <= until
        )
        ends = (column.commit_number, column.commit_number.desc())
        with self._database.reading() as connection:
            first, last = (connection.scalar(made.order_by(end).limit(1)) or 0 for end in ends)
        return first, last

    def number_at(self, at_ms: int) -> int:
        column = predictions_table.c
        made = select(func.max(column.commit_number)).where(
            *self._served,
            column.candle_open_ms.between(at_ms - REACH_MS, at_ms),
            column.created_ms <= at_ms,
        )
        with self._database.reading() as connection:
            return int(connection.scalar(made) or 0)
