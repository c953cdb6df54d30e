"""A database is opened or refused in words; one engine at a time; failures become StoreError."""

import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import text

from crypto_bot.adapters.store.candle_archive import SqlCandleArchive
from crypto_bot.adapters.store.database import Database
from crypto_bot.domain.candle import Candle
from crypto_bot.domain.engine_key import EngineKey
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


@pytest.mark.parametrize("link", [os.symlink, os.link, shutil.copy])
def test_the_lock_is_on_the_file_by_whatever_name(
    tmp_path: Path, url: str, link: Callable[[Path, Path], object]
) -> None:
    engine = Database.open(url, as_engine=True)
    other = tmp_path / "other.db"
    link(tmp_path / "store.db", other)
    try:
        if link is shutil.copy:
            Database.open(f"sqlite:///{other}", as_engine=True).close()
        else:
            with pytest.raises(ConfigError, match=rf"another engine \(pid {os.getpid()}\)"):
                Database.open(f"sqlite:///{other}", as_engine=True)
    finally:
        engine.close()


@pytest.mark.parametrize("file", ["store.db", "store.db-wal", "store.db-shm"])
@pytest.mark.parametrize("happened", ["deleted", "replaced"])
def test_an_engine_whose_file_is_gone_stores_nothing_and_says_what_to_do(
    tmp_path: Path, url: str, happened: str, file: str
) -> None:
    path = tmp_path / file
    engine = Database.open(url, as_engine=True)
    own = engine.of(EngineKey.of("kraken", "spot"))
    SqlCandleArchive(own, M15).add({"BTCUSDT": series(1)})
    path.rename(tmp_path / "moved.db")
    if happened == "replaced":
        path.touch()
    for database in (engine, own):
        with pytest.raises(
            StoreError, match=rf"{file} of .*was {happened} while .*restore a backup"
        ):
            SqlCandleArchive(database, M15).add({"BTCUSDT": series(2)})
    engine.close()
    if file != "store.db":  # the main file has what was stored, once the engine has closed it
        path.unlink(missing_ok=True)
        with closing(Database.open(url, as_engine=True)) as again:
            found = SqlCandleArchive(again.of(own.key), M15).read("BTCUSDT", 0, T0 * 2)
            assert found == series(1)


def test_a_damaged_file_is_refused_at_the_start_and_found_while_running(
    tmp_path: Path, url: str
) -> None:
    path = tmp_path / "store.db"
    engine = Database.open(url, as_engine=True)
    SqlCandleArchive(engine, M15).add({"BTCUSDT": series(2_000)})
    engine.check()
    engine.close()
    whole = path.read_bytes()
    kept = len(whole) * 3 // 4
    path.write_bytes(whole[:kept] + b"\x55" * (len(whole) - kept))
    with pytest.raises(ConfigError, match="restore a backup"):
        Database.open(url, as_engine=True)
    opened = Database.open(url)
    with pytest.raises(StoreError, match="restore a backup"):
        opened.check()
    opened.close()


def test_the_files_are_for_their_owner_alone(tmp_path: Path, url: str) -> None:
    with closing(Database.open(url, as_engine=True)) as database:
        SqlCandleArchive(database, M15).add({"BTCUSDT": series(10)})
        modes = {each.name: each.stat().st_mode & 0o777 for each in tmp_path.iterdir()}
    assert set(modes.values()) == {0o600}, modes
    path = tmp_path / "store.db"
    path.chmod(0o644)
    Database.open(url, as_engine=True).close()
    assert path.stat().st_mode & 0o777 == 0o600


def test_databases_in_memory_lock_nothing() -> None:
    first, second = Database.open("sqlite://"), Database.open("sqlite://")
    first.lock()
    second.lock()
    first.close()
    second.close()


@pytest.mark.parametrize(("free_mb", "left_mb"), [(20, 1), (10, 10)])
def test_a_file_that_is_mostly_free_is_rewritten(
    tmp_path: Path, url: str, free_mb: int, left_mb: int
) -> None:
    with closing(Database.open(url, as_engine=True)) as engine:
        archive = SqlCandleArchive(engine, M15)
        archive.add({"BTCUSDT": series(10)})
        for statement in (
            "CREATE TABLE much (content)",
            f"INSERT INTO much VALUES (zeroblob({free_mb * 2**20}))",
            "DROP TABLE much",
        ):
            with engine.writing() as connection:
                connection.execute(text(statement))
        engine.compact()
        archive.add({"ETHUSDT": series(1)})  # its files are still those that it knew
        assert archive.read("BTCUSDT", 0, T0 * 2) == series(10)
    assert (tmp_path / "store.db").stat().st_size // 2**20 in {left_mb, left_mb - 1}
