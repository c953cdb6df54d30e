"""What was committed when, read back from a real database."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from crypto_bot.adapters.store.commit_history import REACH_MS, SqlCommitHistory
from crypto_bot.adapters.store.database import Database
from crypto_bot.adapters.store.prediction_store import SqlPredictionStore
from crypto_bot.domain.outcome import Outcome, Status
from crypto_bot.domain.signal import Levels, Pred, Probabilities, Signal, Source
from crypto_bot.domain.timeframe import Timeframe
from crypto_bot.ports import Commit, StoredSignal

QUARTER, HOUR = Timeframe.parse("15m"), Timeframe.parse("1h")
OPEN_MS = 1_764_547_200_000
HORIZON = 5


def made(symbol: str, bar: int, created_ms: int, tf: Timeframe = QUARTER) -> StoredSignal:
    open_ms = OPEN_MS + bar * tf.ms
    signal = Signal(
        *(symbol, tf.name, open_ms, Pred.NO_TRADE, 0.4, Probabilities(0.3, 0.4, 0.3)),
        *(Source.HOLD, Levels(100.0), 1.0, HORIZON, ("no rule answered",)),
    )
    return StoredSignal(signal, created_ms, late=False)


def ended(symbol: str, bar: int, after: int) -> Outcome:
    open_ms = OPEN_MS + bar * QUARTER.ms
    settled_ms = open_ms + (after + 1) * QUARTER.ms
    ids = f"{symbol}:15m:{open_ms}", settled_ms
    return Outcome(*ids, Status.EXPIRED, 100.0, 0.0, 1.0, -1.0, Pred.NO_TRADE, correct=True)


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    opened = Database.open(f"sqlite:///{tmp_path / 'engine.db'}")
    yield opened
    opened.close()


@pytest.fixture
def committed(database: Database) -> list[Commit]:
    """Bars of two coins in time, then a third that was behind, each with what it settled."""
    store, commits = SqlPredictionStore(database, QUARTER), []
    for bar in range(12):
        at_ms = OPEN_MS + (bar + 1) * QUARTER.ms + 2_000
        signals = [made(symbol, bar, at_ms) for symbol in ("BTCUSDT", "ETHUSDT")]
        outcomes = [
            ended(symbol, bar - after, after)
            for after in (HORIZON, 1)
            for symbol in ("BTCUSDT", "ETHUSDT")
            if bar >= after and (bar - after) % 2 == (after == 1)
        ]
        commits.append(Commit(at_ms, signals, outcomes))
    for bar in range(12):
        at_ms = OPEN_MS + 13 * QUARTER.ms + bar
        outcomes = [ended("SOLUSDT", bar - HORIZON, HORIZON)] if bar >= HORIZON else []
        commits.append(Commit(at_ms, [made("SOLUSDT", bar, at_ms)], outcomes))
    for commit in commits:
        store.commit(commit.signals, commit.outcomes)
    other = SqlPredictionStore(database, HOUR)
    other.commit([made("BTCUSDT", 0, OPEN_MS + HOUR.ms, HOUR)], [])
    return commits


def test_every_commit_comes_back_as_it_was(database: Database, committed: list[Commit]) -> None:
    history = SqlCommitHistory(database, QUARTER)
    assert history.commits(0, 10**15, 1_000) == committed
    assert history.newest_ms() == committed[-1].at_ms


def test_a_span_has_its_ends(database: Database, committed: list[Commit]) -> None:
    history = SqlCommitHistory(database, QUARTER)
    for first, last in ((0, 0), (3, 9), (7, 20), (23, 23)):
        since_ms, until_ms = committed[first].at_ms, committed[last].at_ms
        assert history.commits(since_ms, until_ms, 1_000) == committed[first : last + 1]
    assert history.commits(committed[3].at_ms + 1, committed[4].at_ms - 1, 1_000) == []


def test_too_many_are_none(database: Database, committed: list[Commit]) -> None:
    history = SqlCommitHistory(database, QUARTER)
    assert history.commits(0, 10**15, 36) == committed
    assert history.commits(0, 10**15, 35) is None


def test_an_empty_database_has_no_commits(database: Database) -> None:
    history = SqlCommitHistory(database, QUARTER)
    assert history.newest_ms() == 0
    assert history.commits(0, 10**15, 10) == []


def test_what_was_caught_up_long_after_its_candle_is_out_of_reach(database: Database) -> None:
    store, history = SqlPredictionStore(database, QUARTER), SqlCommitHistory(database, QUARTER)
    at_ms = OPEN_MS + REACH_MS
    store.commit([made("BTCUSDT", -1, at_ms), made("ETHUSDT", 0, at_ms)], [])
    (found,) = history.commits(at_ms, at_ms, 10) or []
    assert [stored.signal.symbol for stored in found.signals] == ["ETHUSDT"]
