"""What was committed after a commit, read back in order from every kind of database."""

from __future__ import annotations

import random

import pytest

from crypto_bot.adapters.store.commit_history import SqlCommitHistory
from crypto_bot.adapters.store.database import Database
from crypto_bot.adapters.store.prediction_store import SqlPredictionStore
from crypto_bot.ports import Commit, StoredSignal
from tests.contracts.made_calls import H1, M15, T0, outcome, stored

BARS = 30


@pytest.fixture
def committed(database: Database) -> list[Commit]:
    """Calls of 4 and of 16 bars with what they settle; a start that settles; another timeframe."""
    dice, observed = random.Random(3), list[Commit]()
    store = SqlPredictionStore(database, M15, observed.append)
    hourly = SqlPredictionStore(database, H1)
    waiting: list[StoredSignal] = []
    for bar in range(BARS):
        calls = [stored(s, bar, horizon_bars=dice.choice((4, 16))) for s in ("BTCUSDT", "ETHUSDT")]
        due = [each for each in waiting if each.signal.candle_open_ms + each.signal.horizon_bars
               * M15.ms <= calls[0].signal.candle_open_ms]  # fmt: skip
        waiting = [each for each in [*waiting, *calls] if each not in due]
        store.commit(calls, [outcome(each) for each in due])
        if bar % 4 == 3:
            hourly.commit([stored("BTCUSDT", bar // 4, timeframe=H1)], [])
        if bar == 20:
            store.commit([], [outcome(waiting.pop(0))])
    return observed


def test_commits_come_back_as_they_were_by_number_and_time(
    database: Database, committed: list[Commit]
) -> None:
    history = SqlCommitHistory(database, M15)
    numbers = [commit.number for commit in committed]
    assert numbers == sorted(set(numbers))
    assert {signal.signal.horizon for commit in committed for signal in commit.signals} == {
        *("4b", "16b")
    }
    assert history.newest() == numbers[-1]
    assert history.commits(0, history.newest(), 1_000) == committed
    for first, last in ((0, 0), (3, 9), (7, 20), (len(committed) - 1, len(committed) - 1)):
        after, until = numbers[first] - 1, numbers[last]
        assert history.commits(after, until, 1_000) == committed[first : last + 1]
    assert history.commits(numbers[3], numbers[3], 1_000) == []
    # Too many are none, and have a span.
    assert history.commits(0, history.newest(), 2 * BARS) == committed
    assert history.commits(0, history.newest(), 2 * BARS - 1) is None
    span = committed[1], committed[5]
    assert history.span_ms(span[0].number - 1, span[1].number) == tuple(
        commit.signals[0].created_ms for commit in span
    )
    # A time leads to the newest commit of then.
    for each in committed:
        if each.signals:
            at_ms = each.signals[0].created_ms
            assert history.number_at(at_ms) == history.number_at(at_ms + 1) == each.number
    assert history.number_at(T0) == 0
    assert history.number_at(10**15) == committed[-1].number


def test_an_empty_database_has_no_commits(database: Database) -> None:
    history = SqlCommitHistory(database, M15)
    assert history.newest() == history.number_at(T0) == 0
    assert history.commits(0, 10**9, 10) == []
    assert history.span_ms(0, 10**9) == (0, 0)
