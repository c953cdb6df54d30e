"""Copies of a database that is written to meanwhile."""

from __future__ import annotations

import sqlite3
import threading
from contextlib import closing
from pathlib import Path

import pytest

from crypto_bot.adapters.store.backup import back_up
from crypto_bot.adapters.store.candle_archive import SqlCandleArchive
from crypto_bot.adapters.store.database import Database
from crypto_bot.adapters.store.prediction_store import SqlPredictionStore
from crypto_bot.adapters.store.queries import SqlPredictionQueries
from crypto_bot.app.cli import main
from crypto_bot.domain.candle import Candle
from crypto_bot.domain.errors import ConfigError, StoreError
from crypto_bot.domain.log import LogFilter
from crypto_bot.domain.outcome import Outcome
from crypto_bot.ports import StoredSignal
from tests.contracts.made_calls import M15, T0, outcome, stored

SYMBOLS = ("BTCUSDT", "ETHUSDT", "SOLUSDT", "XRPUSDT")


def cycle(bar: int) -> tuple[list[StoredSignal], list[Outcome]]:
    """A signal of each coin, and the outcomes of the bar before: one transaction."""
    signals = [stored(symbol, bar) for symbol in SYMBOLS]
    return signals, [outcome(stored(symbol, bar - 1)) for symbol in SYMBOLS if bar]


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'engine #1.db'}"


@pytest.fixture
def filled(url: str) -> str:
    database = Database.open(url)
    store = SqlPredictionStore(database, M15)
    for bar in range(50):
        store.commit(*cycle(bar))
    candles = [Candle(T0 + bar * M15.ms, 1.0, 2.0, 0.5, 1.5, 3.0) for bar in range(50)]
    SqlCandleArchive(database, M15).add({"BTCUSDT": candles})
    database.close()
    return url


def whole(path: Path) -> int:
    """Opens a copy as the engine does; its bars, each of which is there with all that it has."""
    database = Database.open(f"sqlite:///{path}", as_engine=True)
    try:
        log = SqlPredictionQueries(database, M15).log_page(LogFilter(), None, 10**6)
    finally:
        database.close()
    bars, rest = divmod(len(log), len(SYMBOLS))
    assert rest == 0
    assert len({line.stored.signal.candle_open_ms for line in log}) == bars
    assert sum(line.outcome is None for line in log) == (len(SYMBOLS) if bars else 0)
    return bars


def test_a_copy_has_everything_and_is_one_file(filled: str, tmp_path: Path) -> None:
    copy = tmp_path / "copy.db"
    copied = back_up(filled, copy)
    assert copied.predictions == 200
    assert copied.newest_open_ms == T0 + 49 * M15.ms
    assert copied.size_bytes == copy.stat().st_size
    assert [path.name for path in tmp_path.glob("*copy*")] == ["copy.db"]
    assert whole(copy) == 50
    with closing(sqlite3.connect(copy)) as opened:
        assert opened.execute("SELECT count(*) FROM candles").fetchone() == (50,)


def test_copies_made_while_the_engine_writes_are_whole(filled: str, tmp_path: Path) -> None:
    database = Database.open(filled, as_engine=True)
    store, stop, written = SqlPredictionStore(database, M15), threading.Event(), [50]

    def write() -> None:
        while not stop.is_set():
            store.commit(*cycle(written[0]))
            written[0] += 1

    writer = threading.Thread(target=write)
    writer.start()
    copies = [tmp_path / f"copy{number}.db" for number in range(5)]
    seen = []
    for copy in copies:
        before = written[0]
        back_up(filled, copy)
        seen.append((before, written[0] + 1))
    stop.set()
    writer.join()
    database.close()
    bars = [whole(copy) for copy in copies]
    assert bars == sorted(bars)
    assert bars[-1] > 50, "the writer went on"
    assert all(first <= found <= last for found, (first, last) in zip(bars, seen, strict=True))


def test_a_copy_takes_the_place_of_a_lost_database(filled: str, tmp_path: Path) -> None:
    copy = tmp_path / "copy.db"
    back_up(filled, copy)
    for path in tmp_path.glob("engine*"):
        path.unlink()
    copy.rename(tmp_path / "engine #1.db")
    database = Database.open(filled, as_engine=True)
    store = SqlPredictionStore(database, M15)
    assert set(store.newest_opens().values()) == {T0 + 49 * M15.ms}
    store.commit(*cycle(50))
    database.close()
    assert whole(tmp_path / "engine #1.db") == 51


def test_an_older_schema_is_copied_as_it_is(filled: str, tmp_path: Path) -> None:
    """Before an upgrade: the copy is for the version that made it."""
    source = tmp_path / "engine #1.db"
    with closing(sqlite3.connect(source)) as older, older:
        older.execute("UPDATE alembic_version SET version_num = 'r0001'")
    back_up(filled, tmp_path / "copy.db")
    for path in (source, tmp_path / "copy.db"):
        with closing(sqlite3.connect(path)) as opened:
            query = "SELECT version_num FROM alembic_version"
            assert opened.execute(query).fetchone() == ("r0001",)


def test_what_cannot_be_copied_is_refused_and_leaves_nothing(filled: str, tmp_path: Path) -> None:
    there = tmp_path / "there.db"
    there.write_text("mine")
    cases = [
        (filled, there, ConfigError, "is there already"),
        (filled, tmp_path / "none" / "copy.db", ConfigError, "there is no folder"),
        (f"sqlite:///{tmp_path / 'gone.db'}", tmp_path / "copy.db", ConfigError, "no database"),
        ("sqlite://", tmp_path / "copy.db", ConfigError, "no SQLite file"),
        (f"sqlite:///{there}", tmp_path / "copy.db", StoreError, "not a database"),
    ]
    for url, path, kind, message in cases:
        with pytest.raises(kind, match=message) as refused:
            back_up(url, path)
        assert "\n" not in str(refused.value)
    assert there.read_text() == "mine"
    assert not list(tmp_path.glob("*copy*"))
    assert not list(tmp_path.glob(".*"))


def test_a_damaged_database_is_no_backup(filled: str, tmp_path: Path) -> None:
    source = tmp_path / "engine #1.db"
    content = bytearray(source.read_bytes())
    at = 6 * 4096
    content[at : at + 4096] = b"\xff" * 4096
    source.write_bytes(content)
    with pytest.raises(StoreError):
        back_up(filled, tmp_path / "copy.db")
    assert not (tmp_path / "copy.db").exists()


def test_the_command_says_what_is_in_the_copy(
    filled: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    copy = tmp_path / "copy.db"
    assert main(["backup", str(copy), "--database_url", filled]) == 0
    printed = capsys.readouterr().out
    assert f"{copy}: 200 predictions up to the candle of 2025-12-01T12:15:00.000Z" in printed
    assert main(["backup", str(copy), "--database_url", filled]) == 2
    assert "is there already" in capsys.readouterr().err
