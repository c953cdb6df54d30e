"""Old predictions are deleted; their share in the record of the sources stays."""

from __future__ import annotations

from sqlalchemy import Connection, delete, func, select

from crypto_bot.adapters.store.database import Database
from crypto_bot.adapters.store.prediction_store import tallied
from crypto_bot.adapters.store.scope import of_engine, served
from crypto_bot.adapters.store.tables import NOT_SERVED, SERVED, deleted_tallies
from crypto_bot.adapters.store.tables import commits as commits_table
from crypto_bot.adapters.store.tables import outcomes as outcomes_table
from crypto_bot.adapters.store.tables import predictions as predictions_table
from crypto_bot.domain.instant import DAY_MS
from crypto_bot.domain.timeframe import Timeframe

_ADD = "(engine, tf, source, symbol) DO UPDATE SET " + ", ".join(
    f"{name} = deleted_tallies.{name} + excluded.{name}" for name in ("n", "hits", "flats")
)


class Retention:
    """Of the predictions of the engine of `database` on one timeframe, in every role.

    Candles, sums by day and paper accounts stay: they are small, and the others follow from them.
    """

    def __init__(self, database: Database, timeframe: Timeframe) -> None:
        self._database = database
        self._tf = timeframe.name
        self._served = served(database, timeframe)
        self._of_engine = of_engine(predictions_table, database, timeframe)
        self._commits = of_engine(commits_table, database, timeframe)

    def delete_before(self, before_ms: int) -> int:
        """Deletes predictions of candles that opened before, with their outcomes; how many.

        A day in each transaction, so that a commit of the engine waits for one at most. Raises
        StoreError.
        """
        count = 0
        while (oldest_ms := self._oldest()) is not None and oldest_ms < before_ms:
            until_ms = min(before_ms, (oldest_ms // DAY_MS + 1) * DAY_MS)
            with self._database.writing() as connection:
                count += self._delete(connection, until_ms)
        return count

    def _oldest(self) -> int | None:
        open_ms = predictions_table.c.candle_open_ms
        with self._database.reading() as connection:
            found = [
                connection.scalar(select(func.min(open_ms)).where(*self._of_engine, roles))
                for roles in (SERVED, NOT_SERVED)
            ]
        return min((each for each in found if each is not None), default=None)

    def _delete(self, connection: Connection, until_ms: int) -> int:
        column, count = predictions_table.c, 0
        is_old = column.candle_open_ms < until_ms
        record = tallied(column.source, column.symbol).where(*self._served, is_old)
        self._database.insert(
            connection,
            deleted_tallies,
            [tuple(row) for row in connection.execute(record)],
            first=(self._database.engine_id, self._tf),
            on_conflict=_ADD,
        )
        for roles in (SERVED, NOT_SERVED):  # each in the order of its index
            wanted = (*self._of_engine, roles, is_old)
            of_old = outcomes_table.c.prediction_id.in_(select(column.id).where(*wanted))
            of_engine_ = outcomes_table.c.engine == self._database.engine_id
            connection.execute(delete(outcomes_table).where(of_engine_, of_old))
            count += connection.execute(delete(predictions_table).where(*wanted)).rowcount
        is_over = commits_table.c.oldest_open_ms < until_ms
        connection.execute(delete(commits_table).where(*self._commits, is_over))
        return count
