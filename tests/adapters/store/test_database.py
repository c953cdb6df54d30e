"""A database is opened or refused in words; one engine at a time; failures become StoreError."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from crypto_bot.adapters.store.candle_archive import SqlCandleArchive
from crypto_bot.adapters.store.database import Database
from crypto_bot.domain.candle import Candle
from crypto_bot.domain.errors import ConfigError, StoreError
from crypto_bot.domain.timeframe import Timeframe

M15 = Timeframe.parse("15m")
T0 = 1_764_547_200_000


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'store.db'}"


@pytest.fixture
def database(url: str) -> Iterator[Database]:
    opened = Database.open(url)
    yield opened
    opened.close()


def series(bars: int) -> list[Candle]:
    return [Candle(T0 + bar * M15.ms, 1.0, 2.0, 0.5, 1.5, 3.0) for bar in range(bars)]


def test_sqlite_is_set_up_for_a_daemon(database: Database) -> None:
    with database.reading() as connection:
        settings = {
            name: connection.execute(text(f"PRAGMA {name}")).scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        }
    assert settings == {
        "journal_mode": "wal",
        "synchronous": 1,
        "foreign_keys": 1,
        "busy_timeout": 30_000,
    }


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("data/crypto_bot.db", "unusable database URL 'data/crypto_bot.db': write sqlite:///"),
        ("", "unusable database URL"),
        ("mysql://host/db", "unusable database URL"),
        ("sqlite+nothing:///x.db", "unusable database URL"),
        ("postgresql://joe:secret@host:port/db", "unusable database URL 'host:port/db'"),
        ("sqlite:////nonexistent/folder/store.db", "no folder /nonexistent/folder"),
        ("sqlite:////proc/store.db", "database sqlite:////proc/store.db cannot be opened"),
    ],
)
def test_a_database_that_cannot_be_is_refused_in_one_line(url: str, message: str) -> None:
    with pytest.raises(ConfigError) as refused:
        Database.open(url)
    assert message in str(refused.value)
    assert "secret" not in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("not a database, but long enough to be looked at as one\n" * 100)
    with pytest.raises(ConfigError, match="file is not a database"):
        Database.open(f"sqlite:///{path}")
    assert path.read_text().startswith("not a database")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_may_not_be_written_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "closed"
    folder.mkdir(mode=0o500)
    with pytest.raises(ConfigError, match="cannot be opened"):
        Database.open(f"sqlite:///{folder / 'store.db'}")


def test_a_relative_folder_is_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Database.open("sqlite:///data/store.db").close()
    assert (tmp_path / "data" / "store.db").is_file()


def test_corruption_becomes_a_store_error(database: Database, tmp_path: Path) -> None:
    archive = SqlCandleArchive(database, M15)
    archive.add({"BTCUSDT": series(5000)})
    database.close()
    with (tmp_path / "store.db").open("r+b") as file:
        file.seek(4096 * 4)
        file.write(b"\xff" * 4096 * 40)
    with pytest.raises(StoreError, match=r"database sqlite:.*store\.db failed: .*malformed"):
        archive.read("BTCUSDT", 0, T0 * 2)


def test_a_full_disk_becomes_a_store_error_and_leaves_what_was(database: Database) -> None:
    archive = SqlCandleArchive(database, M15)
    archive.add({"BTCUSDT": series(10)})
    with database.reading() as connection:
        pages = connection.execute(text("PRAGMA page_count")).scalar_one()
        connection.execute(text(f"PRAGMA max_page_count = {pages}"))
    with pytest.raises(StoreError, match="full"):
        archive.add({"BTCUSDT": series(50_000)})
    assert archive.read("BTCUSDT", 0, T0 * 2) == series(10)


def test_threads_read_while_one_writes(database: Database) -> None:
    archive = SqlCandleArchive(database, M15)
    seen: list[int] = []

    def read() -> None:
        seen.extend(len(archive.read("BTCUSDT", 0, T0 * 2)) for _ in range(50))

    readers = [threading.Thread(target=read) for _ in range(3)]
    for reader in readers:
        reader.start()
    for bars in range(100, 2100, 100):
        archive.add({"BTCUSDT": series(bars)})
    for reader in readers:
        reader.join()
    assert len(seen) == 150
    assert all(count % 100 == 0 for count in seen)


HOLDER = """
import sys
from crypto_bot.adapters.store.database import Database
database = Database.open(sys.argv[1])
database.lock()
print("locked", flush=True)
sys.stdin.read()
"""


def test_a_second_engine_is_refused_until_the_first_is_dead(url: str, database: Database) -> None:
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, url], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert holder.stdin is not None
    assert holder.stdout is not None
    with holder.stdin, holder.stdout:
        assert holder.stdout.readline() == b"locked\n"
        message = rf"another engine \(pid {holder.pid}\) already runs on {url}"
        with pytest.raises(ConfigError, match=message):
            database.lock()
        holder.send_signal(signal.SIGKILL)
        holder.wait()
    database.lock()


def test_databases_in_memory_lock_nothing() -> None:
    first, second = Database.open("sqlite://"), Database.open("sqlite://")
    first.lock()
    second.lock()
    first.close()
    second.close()
