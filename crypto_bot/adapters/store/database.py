"""The database: opened, migrated, and the one seam where its errors become ours."""

from __future__ import annotations

from collections.abc import Generator, Iterable
from contextlib import closing, contextmanager
from functools import cached_property
from itertools import chain, islice, repeat
from operator import add
from threading import Lock
from typing import Any

from sqlalchemy import Connection, Engine, Table, select, text
from sqlalchemy.exc import SQLAlchemyError

from crypto_bot.adapters.store.connection import (
    WRITES,
    cause,
    connect,
    make_private,
    shown,
    sqlite_file,
)
from crypto_bot.adapters.store.engine_lock import Held, lock_file, lock_postgres
from crypto_bot.adapters.store.schema import NEWEST, migrate, revision_of
from crypto_bot.adapters.store.tables import engines, markets
from crypto_bot.domain.engine_key import BINANCE_SPOT, EngineKey
from crypto_bot.domain.errors import ConfigError, StoreError

_LEAST_FREE_BYTES = 16 * 2**20
_RESTORE = "stop the engine and restore a backup, as docs/operating.md says"


class Database:
    """One database on the newest schema. Any thread may use it; one `with` is one transaction.

    `key` is the engine whose rows the stores on it read and write.
    """

    def __init__(self, engine: Engine, key: EngineKey = BINANCE_SPOT) -> None:
        self._engine = engine
        self.key = key
        self._mark = "?" if engine.dialect.name == "sqlite" else "%s"
        self._held: Held | None = None
        self.commit_order = Lock()
        """Held from a commit until it is observed: the engines of a process observe in order."""

    @classmethod
    def open(cls, url: str, key: EngineKey = BINANCE_SPOT, *, as_engine: bool = False) -> Database:
        """Connects to `sqlite:///PATH` or `postgresql+psycopg://…` and migrates it.

        The rows of a database from before there were keys become those of `key`. `as_engine` takes
        the engine's `lock` before anything is touched. Raises ConfigError, in one line, where one
        of it cannot be done.
        """
        database = cls(connect(url), key)
        make_private(database._engine.url)
        try:
            if as_engine:
                database.lock()
                database.check()
            # Looked at before it is written to: an engine at work may hold the write lock a while.
            with database._begin(writes=False) as connection:
                is_current = revision_of(connection) == NEWEST
            if not is_current:
                with database._begin(writes=True) as connection:
                    migrate(connection, database.name, key)
            if as_engine:  # an engine asks for them on its event loop, which must not read
                _ = database.engine_id, database.market_id
        except SQLAlchemyError as error:
            database.close()
            raise database._not_opened(error) from error
        except ConfigError:
            database.close()
            raise
        except StoreError as error:  # damaged: another start would find the same
            database.close()
            raise ConfigError(str(error)) from error
        return database

    def of(self, key: EngineKey) -> Database:
        """The same database for another engine of this process; this one is to be closed."""
        other = Database(self._engine, key)
        other.commit_order = self.commit_order
        other._held = self._held
        return other

    @property
    def name(self) -> str:
        """The URL without a password."""
        return shown(self._engine.url)

    @property
    def size_bytes(self) -> int:
        """On the disk, the write-ahead log included; 0 for one in memory. Raises StoreError."""
        path = sqlite_file(self._engine.url)
        if path is not None:
            files = (path, path.with_name(f"{path.name}-wal"))
            return sum(file.stat().st_size for file in files if file.exists())
        if self._engine.dialect.name == "sqlite":
            return 0
        with self.reading() as connection:
            size = connection.scalar(text("SELECT pg_database_size(current_database())"))
        return int(size or 0)

    @cached_property
    def engine_id(self) -> int:
        """What `key.name` is in the rows of the tables. Raises StoreError."""
        return self._id_in(engines, name=self.key.name)

    @cached_property
    def market_id(self) -> int:
        """What the market of `key` is in the rows of the tables. Raises StoreError."""
        return self._id_in(markets, exchange=self.key.exchange, market=self.key.market)

    def lock(self) -> None:
        """Makes this process the one engine of the database, until it ends, however it ends.

        Raises ConfigError where another process is. A database in memory has no others.
        """
        path = sqlite_file(self._engine.url)
        try:
            if self._engine.dialect.name == "postgresql":
                self._held = lock_postgres(self._engine, self.name)
            elif path is not None:
                self._held = lock_file(path, self.name)
        except (SQLAlchemyError, OSError) as error:
            raise self._not_opened(error) from error

    def close(self) -> None:
        """Gives back the connections and the lock."""
        self._engine.dispose()
        if self._held is not None:
            self._held.release()
            self._held = None

    def check(self) -> None:
        """Raises StoreError where SQLite finds its file damaged; PostgreSQL checks its own."""
        if self._engine.dialect.name != "sqlite":
            return
        with self.reading() as connection:
            found = connection.scalar(text("PRAGMA quick_check(1)"))
        if found != "ok":
            raise StoreError(f"database {self.name} is damaged ({found}): {_RESTORE}")

    def compact(self) -> None:
        """Rewrites an SQLite file of which a quarter is free, and 16 MB at least."""
        if self._engine.dialect.name != "sqlite":
            return
        with self._mapped(), closing(self._engine.raw_connection()) as connection:
            cursor = connection.cursor()
            free, pages, page_bytes = (
                cursor.execute(f"PRAGMA {name}").fetchone()[0]
                for name in ("freelist_count", "page_count", "page_size")
            )
            if free * 4 >= pages and free * page_bytes >= _LEAST_FREE_BYTES:
                cursor.execute("VACUUM")  # outside of any transaction, as it must be

    @contextmanager
    def reading(self) -> Generator[Connection]:
        """A transaction that sees one state of the database. Raises StoreError."""
        with self._mapped(), self._begin(writes=False) as connection:
            yield connection

    @contextmanager
    def writing(self) -> Generator[Connection]:
        """A transaction that is stored as a whole or not at all. Raises StoreError.

        Nothing is stored by an engine that has lost its lock, or whose file is another one now.
        """
        with self._mapped(), self._begin(writes=True) as connection:
            yield connection
            if self._held is not None:
                self._held.require()

    def insert(
        self,
        connection: Connection,
        table: Table,
        rows: Iterable[tuple[Any, ...]],
        *,
        first: tuple[Any, ...] = (),
        on_conflict: str = "DO NOTHING",
        rows_per_statement: int = 1,
    ) -> None:
        """Inserts `rows`, each with a plain value for every column of `table`, in its order.

        Where the first columns are the same in all rows, their values may be given as `first`, and
        the rows without them: SQLite takes them once for each statement. Goes past SQLAlchemy's
        handling of single values, which would take longer than SQLite does. With more
        `rows_per_statement` SQLite takes narrow rows faster and wide ones slower.
        """
        if first and self._mark != "?":
            rows, first = map(add, repeat(first), rows), ()
        full: list[tuple[Any, ...]] = []
        rest: Iterable[tuple[Any, ...]] = (pending := iter(rows))
        if rows_per_statement > 1:
            while len(rest := list(islice(pending, rows_per_statement))) == rows_per_statement:
                full.append(first + tuple(chain.from_iterable(rest)))
        single = [first + row for row in rest]
        for row_count, values in ((rows_per_statement, full), (1, single)):
            if values:
                statement = self._statement(table, row_count, on_conflict, len(first))
                connection.exec_driver_sql(statement, values)

    def _statement(self, table: Table, row_count: int, on_conflict: str, same: int) -> str:
        columns = ", ".join(column.name for column in table.columns)
        marks = [f"?{number}" for number in range(1, same + 1)]
        marks += [self._mark] * (len(table.columns) - same)
        rows = ", ".join([f"({', '.join(marks)})"] * row_count)
        # Nothing but the names of our own tables and columns is put into the text.
        return f"INSERT INTO {table.name} ({columns}) VALUES {rows} ON CONFLICT {on_conflict}"  # noqa: S608 - see above

    def _id_in(self, table: Table, **values: str) -> int:
        """The id of the row of `values`, which is added where there is none yet."""
        query = select(table.c.id).filter_by(**values)
        with self.reading() as connection:
            found: int | None = connection.scalar(query)
        if found is not None:
            return found
        with self.writing() as connection:
            names, marks = ", ".join(values), ", ".join(f":{name}" for name in values)
            insert = f"INSERT INTO {table.name} ({names}) VALUES ({marks}) ON CONFLICT DO NOTHING"  # noqa: S608 - as above
            connection.execute(text(insert), values)
            return int(connection.execute(query).scalar_one())

    @contextmanager
    def _begin(self, *, writes: bool) -> Generator[Connection]:
        with self._engine.connect() as connection:
            connection.execution_options(**{WRITES: writes})
            with connection.begin():
                yield connection

    @contextmanager
    def _mapped(self) -> Generator[None]:
        try:
            yield
        except SQLAlchemyError as error:
            reason = cause(error)
            hint = f": {_RESTORE}" if _is_damage(reason) else ""
            raise StoreError(f"database {self.name} failed: {reason}{hint}") from error

    def _not_opened(self, error: Exception) -> ConfigError:
        reason = cause(error)
        advice = "check that it exists and may be written, or name another --database_url"
        if _is_damage(reason):
            advice = f"{_RESTORE}, or name another --database_url"
        return ConfigError(f"database {self.name} cannot be opened ({reason}): {advice}")


def _is_damage(reason: str) -> bool:
    return any(word in reason for word in ("malformed", "not a database"))
