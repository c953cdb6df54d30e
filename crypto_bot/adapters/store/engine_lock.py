"""One engine for each database, by locks that end with the process that holds them.

A lock is asked for at every commit: an engine that has lost it writes nothing more.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from threading import Lock
from typing import NamedTuple

from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import SQLAlchemyError

from crypto_bot.domain.errors import ConfigError, StoreError

_ADVISORY_KEY = 0x63727970746F  # "crypto"; PostgreSQL keeps these keys for each database


class Held(NamedTuple):
    """A lock: `require` raises StoreError where it is lost, `release` gives it back."""

    require: Callable[[], None]
    release: Callable[[], None]


def lock_file(path: Path, database: str) -> Held:
    """Takes an flock on an SQLite database itself, by whatever name or link it is opened.

    SQLite's own locks are of another kind (fcntl) and do not meet it. The descriptor stays open
    until all connections are closed: closing it would end SQLite's locks of this process. Raises
    ConfigError where another process holds it, OSError where it cannot be written.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    held = os.fstat(descriptor)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(descriptor)
        raise _taken(_flock_holder(held), database) from error
    if held.st_uid == os.geteuid():
        os.fchmod(descriptor, 0o600)

    known: dict[Path, tuple[int, int] | None] = {path: _place(held)}

    def require() -> None:
        # In the midst of a transaction SQLite has the files beside it open.
        for file in (path, *(path.with_name(f"{path.name}-{end}") for end in ("wal", "shm"))):
            try:
                found = _place(os.stat(file))  # noqa: PTH116 - at every commit
            except OSError:
                found = None
            if found != known.setdefault(file, found):
                what = "deleted" if found is None else "replaced"
                raise StoreError(
                    f"{file.name} of database {database} was {what} while the engine ran: put it "
                    "back or restore a backup, then start the engine again"
                )

    return Held(require, partial(os.close, descriptor))


def lock_postgres(engine: Engine, database: str) -> Held:
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
    one_at_a_time = Lock()

    def require() -> None:
        try:
            with one_at_a_time:
                connection.execute(text("SELECT 1"))
        except SQLAlchemyError as error:
            raise StoreError(
                f"the session that holds the lock of database {database} was lost, another engine "
                "may have begun: start this one again"
            ) from error

    def release() -> None:
        # The server notices a closed connection a little later.
        with suppress(SQLAlchemyError):
            connection.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": _ADVISORY_KEY})
        # Closed for good: handed back to the pool it would keep its name.
        connection.invalidate()
        connection.close()

    return Held(require, release)


def _place(of: os.stat_result) -> tuple[int, int]:
    return of.st_dev, of.st_ino


def _flock_holder(of: os.stat_result) -> str:
    """The process that /proc/locks names, where there is one."""
    place = f"{os.major(of.st_dev):02x}:{os.minor(of.st_dev):02x}:{of.st_ino}"
    try:
        lines = Path("/proc/locks").read_text("ascii").splitlines()
    except OSError:
        return ""
    rows = [line.split() for line in lines]
    return next((row[4] for row in rows if row[1] == "FLOCK" and row[5] == place), "")


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
