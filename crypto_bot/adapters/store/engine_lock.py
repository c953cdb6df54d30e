"""One engine for each database, by locks that end with the process that holds them."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from typing import Protocol

from sqlalchemy import Connection, Engine, text

from crypto_bot.domain.errors import ConfigError

_ADVISORY_KEY = 0x63727970746F  # "crypto"; PostgreSQL keeps these keys for each database


class EngineLock(Protocol):
    """Held from its construction until `release` or the end of the process."""

    def release(self) -> None:
        """Lets another process in."""
        ...


class FileLock:
    """An flock on a file beside an SQLite database. The file stays; only the lock counts."""

    def __init__(self, path: Path, database: str) -> None:
        """Raises ConfigError where another process holds it, OSError where it cannot be written."""
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            holder = os.pread(self._descriptor, 32, 0).decode(errors="replace").strip()
            os.close(self._descriptor)
            raise _taken(holder, database) from error
        os.ftruncate(self._descriptor, 0)
        os.pwrite(self._descriptor, f"{os.getpid()}\n".encode(), 0)

    def release(self) -> None:
        os.close(self._descriptor)


class PostgresLock:
    """An advisory lock on a connection of its own, which carries the process id in its name."""

    def __init__(self, engine: Engine, database: str) -> None:
        """Raises ConfigError where another process holds it."""
        self._connection = engine.connect().execution_options(isolation_level="AUTOCOMMIT")
        taken = self._connection.scalar(
            text("SELECT pg_try_advisory_lock(:key)"), {"key": _ADVISORY_KEY}
        )
        if not taken:
            holder = _postgres_holder(self._connection)
            self._connection.close()
            raise _taken(holder, database)
        self._connection.execute(
            text("SELECT set_config('application_name', :name, false)"),
            {"name": f"crypto_bot {os.getpid()}"},
        )

    def release(self) -> None:
        # Closed for good: handed back to the pool it would keep the lock.
        self._connection.invalidate()
        self._connection.close()


def _postgres_holder(connection: Connection) -> str:
    name = connection.scalar(
        text(
            "SELECT application_name FROM pg_stat_activity JOIN pg_locks USING (pid) "
            "WHERE locktype = 'advisory' AND granted "
            "AND (classid::bigint << 32) + objid::bigint = :key "
            "AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
        ),
        {"key": _ADVISORY_KEY},
    )
    return str(name or "").removeprefix("crypto_bot ")


def _taken(holder: str, database: str) -> ConfigError:
    return ConfigError(
        f"another engine (pid {holder or 'unknown'}) already runs on {database}: "
        "stop it, or name another --database_url"
    )
