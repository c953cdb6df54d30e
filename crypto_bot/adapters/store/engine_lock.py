"""One engine for each database, by locks that end with the process that holds them.

A lock is taken by a function that returns the one that gives it back.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable
from functools import partial
from pathlib import Path

from sqlalchemy import Connection, Engine, text

from crypto_bot.domain.errors import ConfigError

_ADVISORY_KEY = 0x63727970746F  # "crypto"; PostgreSQL keeps these keys for each database


def lock_file(path: Path, database: str) -> Callable[[], None]:
    """Takes an flock on a file beside an SQLite database. The file stays; only the lock counts.

    Raises ConfigError where another process holds it, OSError where it cannot be written.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        holder = os.pread(descriptor, 32, 0).decode(errors="replace").strip()
        os.close(descriptor)
        raise _taken(holder, database) from error
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
    return partial(os.close, descriptor)


def lock_postgres(engine: Engine, database: str) -> Callable[[], None]:
    """Takes an advisory lock on a connection of its own, which carries the process id in its name.

    Raises ConfigError where another process holds it.
    """
    connection = engine.connect().execution_options(isolation_level="AUTOCOMMIT")
    taken = connection.scalar(text("SELECT pg_try_advisory_lock(:key)"), {"key": _ADVISORY_KEY})
    if not taken:
        holder = _postgres_holder(connection)
        connection.close()
        raise _taken(holder, database)
    name = {"name": f"crypto_bot {os.getpid()}"}
    connection.execute(text("SELECT set_config('application_name', :name, false)"), name)

    def release() -> None:
        # Closed for good: handed back to the pool it would keep the lock.
        connection.invalidate()
        connection.close()

    return release


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
