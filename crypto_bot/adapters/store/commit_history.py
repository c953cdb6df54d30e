"""What was committed after a given commit, for clients that missed it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from sqlalchemy import Connection, and_, func, or_, select

from crypto_bot.adapters.store.database import Database
from crypto_bot.adapters.store.prediction_rows import outcome_of, stored_signal
from crypto_bot.adapters.store.scope import of_engine, served
from crypto_bot.adapters.store.tables import commit_numbers as numbers_table
from crypto_bot.adapters.store.tables import commits as commits_table
from crypto_bot.adapters.store.tables import outcomes as outcomes_table
from crypto_bot.adapters.store.tables import predictions as predictions_table
from crypto_bot.domain.engine_key import EngineKey
from crypto_bot.domain.timeframe import Timeframe
from crypto_bot.ports import Commit


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
        self._engines = [
            (database, timeframe),
            *((database.of(key), own_timeframe) for key, own_timeframe in beside),
        ]
        self._scope = or_(*(and_(*of_engine(commits_table, *each)) for each in self._engines))

    def newest(self) -> int:
        with self._database.reading() as connection:
            return int(connection.scalar(select(numbers_table.c.newest)) or 0)

    def commits(self, after: int, until: int, limit: int) -> list[Commit] | None:
        with self._database.reading() as connection:
            found: list[Commit] = []
            for engine in self._engines:
                found += _commits(connection, engine, after, until, limit + 1)
        if sum(len(each.signals) for each in found) > limit:
            return None
        return sorted(found, key=lambda each: each.number)

    def span_ms(self, after: int, until: int) -> tuple[int, int]:
        made_ms = commits_table.c.made_ms
        query = select(func.min(made_ms), func.max(made_ms)).where(
            self._scope, commits_table.c.number.between(after + 1, until)
        )
        with self._database.reading() as connection:
            first, last = connection.execute(query).one()
        return first or 0, last or 0

    def number_at(self, at_ms: int) -> int:
        query = select(func.max(commits_table.c.number)).where(
            self._scope, commits_table.c.made_ms <= at_ms
        )
        with self._database.reading() as connection:
            return int(connection.scalar(query) or 0)


def _commits(
    connection: Connection, engine: tuple[Database, Timeframe], after: int, until: int, limit: int
) -> list[Commit]:
    """Those of one engine in `(after, until]`, with `limit` signals at most.

    No index holds the numbers of signals and outcomes: the candles that they may be of are few.
    """
    column, number = predictions_table.c, outcomes_table.c.commit_number
    oldest = select(func.min(commits_table.c.oldest_open_ms)).where(
        *of_engine(commits_table, *engine), commits_table.c.number.between(after + 1, until)
    )
    since_ms = connection.scalar(oldest)
    if since_ms is None:
        return []
    wanted = (*served(*engine), column.candle_open_ms >= since_ms)
    made = (
        select(predictions_table)
        .where(*wanted, column.commit_number.between(after + 1, until))
        .order_by(column.commit_number, column.candle_open_ms, column.symbol)
        .limit(limit)
    )
    settled = (
        select(outcomes_table)
        .select_from(predictions_table.join(outcomes_table))
        .where(*wanted, number.between(after + 1, until))
        .order_by(number, column.candle_open_ms, column.symbol)
    )
    found: dict[int, Commit] = defaultdict(lambda: Commit(0, [], []))
    for row in connection.execute(made):
        found[row.commit_number].signals.append(stored_signal(row, engine[0].key.name))
    for row in connection.execute(settled):
        found[row.commit_number].outcomes.append(outcome_of(row))
    return [commit._replace(number=each) for each, commit in found.items()]
