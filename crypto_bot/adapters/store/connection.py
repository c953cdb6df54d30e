"""Connections to SQLite and PostgreSQL: URLs, pools, and how transactions begin."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from sqlalchemy import URL, Connection, Engine, QueuePool, create_engine, event, make_url
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError
from sqlalchemy.pool import ConnectionPoolEntry

from crypto_bot.domain.errors import ConfigError
from crypto_bot.domain.user_file import at_home

WRITES = "crypto_bot_writes"
"""Execution option of a connection whose next transaction will write."""

BUSY_TIMEOUT_MS = 30_000
"""How long a writer waits for another one, such as an import beside a running engine."""
_PRAGMAS = (
    "journal_mode = WAL",
    "synchronous = NORMAL",
    "foreign_keys = ON",
    f"busy_timeout = {BUSY_TIMEOUT_MS}",
    "cache_size = -16000",  # 16 MB
    "journal_size_limit = 67108864",  # what a long import leaves of the write-ahead log
)
_DRIVERS = ("sqlite", "postgresql+psycopg")


def connect(url: str) -> Engine:
    """An engine for `url`; nothing is opened yet. Raises ConfigError for a URL that cannot work."""
    parsed = _parsed(url)
    if parsed.drivername == "sqlite":
        return _sqlite(parsed)
    try:
        return create_engine(parsed, pool_pre_ping=True)
    except ModuleNotFoundError as error:
        raise ConfigError(
            "PostgreSQL needs psycopg, which is not installed: pip install 'crypto-bot[postgres]'"
        ) from error


def sqlite_file(url: URL) -> Path | None:
    """The file of an SQLite database; None for one in memory or for PostgreSQL.

    Raises ConfigError where it lies in a home folder that does not exist.
    """
    is_file = url.drivername == "sqlite" and url.database not in (None, "", ":memory:")
    try:
        return at_home(Path(str(url.database))) if is_file else None
    except ValueError as error:
        raise ConfigError(f"database {error}") from error


def folder_beside(database_url: str) -> Path:
    """Where an engine keeps its files: beside its SQLite file, in `data` with any other database.

    Raises ConfigError as `sqlite_file`.
    """
    file = sqlite_file(make_url(database_url))
    return Path("data") if file is None else file.parent


def has_password(url: str) -> bool:
    """Whether a password stands in `url`, before the host or among the options."""
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        return False  # refused where it is opened
    return parsed.password is not None or "password" in parsed.query


def shown(url: URL) -> str:
    """`url` without a password, wherever it stands in it."""
    return url.difference_update_query(["password"]).render_as_string(hide_password=True)


def cause(error: Exception) -> str:
    """The driver's own message, in one line."""
    message = error.orig if isinstance(error, DBAPIError) and error.orig is not None else error
    return " ".join(str(message).split())


def _parsed(url: str) -> URL:
    try:
        parsed = make_url(url)
    except (ArgumentError, NoSuchModuleError, ValueError) as error:
        raise _unusable(url) from error
    if parsed.drivername not in _DRIVERS or parsed.query.get("uri") or url.count("\n"):
        raise _unusable(url)
    return parsed


def _unusable(url: str) -> ConfigError:
    # What stands before the host and after the path may hold a password.
    safe = url.rsplit("@", 1)[-1].split("?", maxsplit=1)[0]
    return ConfigError(
        f"unusable database URL '{safe}': write sqlite:///path/to/file.db "
        "or postgresql+psycopg://user:password@host/name"
    )


def _sqlite(url: URL) -> Engine:
    path = sqlite_file(url)
    if path is None:
        # One connection for all threads, used by one at a time: the database lives in it.
        engine = create_engine(
            url,
            poolclass=QueuePool,
            pool_size=1,
            max_overflow=0,
            connect_args={"check_same_thread": False},
        )
    else:
        _prepare_folder(path)
        engine = create_engine(url.set(database=str(path)))
    event.listen(engine, "connect", _on_connect)
    event.listen(engine, "begin", _on_begin)
    return engine


def _prepare_folder(path: Path) -> None:
    """A relative folder is made; an absolute one may be a disk that is not mounted yet."""
    folder = path.parent
    try:
        if not path.is_absolute():
            folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(f"folder {folder} cannot be made for the database: {error}") from error
    if not folder.is_dir():
        raise ConfigError(
            f"database {path} cannot be opened (no folder {folder}): "
            "make it, or name another --database_url"
        )


def make_private(url: URL) -> None:
    """Makes an SQLite file that is not there, for its owner alone: those beside it get its mode."""
    path = sqlite_file(url)
    if path is None:
        return
    with suppress(OSError):  # there already, or refused in words when it is opened
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))


def _on_connect(connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
    connection.isolation_level = None  # the driver starts no transactions: `_on_begin` does
    cursor = connection.cursor()
    for pragma in _PRAGMAS:
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _on_begin(connection: Connection) -> None:
    # A writer takes its turn at the start: asked for in the middle it could be refused at once.
    writes = connection.get_execution_options().get(WRITES, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
