"""A copy of an SQLite database while the engine writes to it: whole, checked, or not there."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

from crypto_bot.adapters.store.connection import BUSY_TIMEOUT_MS, connect, shown, sqlite_file
from crypto_bot.domain.errors import ConfigError, StoreError


class Copied(NamedTuple):
    """What a copy holds."""

    size_bytes: int
    predictions: int
    newest_open_ms: int | None
    """Candle of the newest prediction in it."""


def back_up(url: str, path: Path) -> Copied:
    """Copies the SQLite database `url` to `path`, as it is at one moment; writers continue.

    SQLite's online backup, in one step, so that it is one read transaction. The schema stays as it
    is, so a copy may be made before an upgrade. The copy is checked and on the disk before it has
    its name. Raises ConfigError where that cannot be asked for, StoreError where it fails.
    """
    source = _existing(url)
    if path.exists():
        raise ConfigError(f"{path} is there already: name a file that is not")
    if not path.parent.is_dir():
        raise ConfigError(f"there is no folder {path.parent}: make it, or name another file")
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        os.close(os.open(draft, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
        with closing(sqlite3.connect(draft)) as target:
            with closing(_read_only(source)) as origin:
                origin.backup(target)
            # One file, with nothing beside it; the engine turns it back when it opens it.
            target.execute("PRAGMA journal_mode = DELETE")
            copied = _checked(target, draft)
        _to_disk(draft)
        draft.replace(path)
        _to_disk(path.parent)
    except (sqlite3.Error, OSError) as error:
        raise StoreError(f"no copy of {source} at {path}: {error}") from error
    finally:
        draft.unlink(missing_ok=True)
    return copied


def _existing(url: str) -> Path:
    engine = connect(url)
    source = sqlite_file(engine.url)
    if source is None:
        raise ConfigError(f"{shown(engine.url)} is no SQLite file: back PostgreSQL up with pg_dump")
    if not source.is_file():
        raise ConfigError(f"there is no database {source}: name it with --database_url")
    return source


def _read_only(path: Path) -> sqlite3.Connection:
    address = f"file:{quote(str(path))}?mode=ro"
    return sqlite3.connect(address, uri=True, timeout=BUSY_TIMEOUT_MS / 1000)


def _checked(copy: sqlite3.Connection, path: Path) -> Copied:
    """Raises StoreError where SQLite finds a fault in it."""
    found = [row[0] for row in copy.execute("PRAGMA integrity_check(3)")]
    if found != ["ok"]:
        raise StoreError(f"the copy is damaged, and so perhaps its origin: {'; '.join(found)}")
    tables = {row[0] for row in copy.execute("SELECT name FROM sqlite_master")}
    if "predictions" not in tables:
        raise ConfigError("this database is none of the engine's: it has no predictions")
    count, newest = copy.execute("SELECT count(*), max(candle_open_ms) FROM predictions").fetchone()
    return Copied(path.stat().st_size, count, newest)


def _to_disk(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
