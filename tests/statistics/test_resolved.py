"""Columns of resolved calls: what goes in comes out, in any portions."""

import numpy as np
import pytest

from crypto_bot.statistics.episodes import EpisodeDay, episodes
from crypto_bot.statistics.resolved import ResolvedCalls, episode_days
from tests.reports.made_calls import call, market


def test_columns_equal_the_rows() -> None:
    calls = ResolvedCalls.of(
        [
            call(0, version="a"),
            call(1, symbol="ETHUSDT", pred="NO_TRADE", label="SHORT", stop_loss=None, atr=None),
        ]
    )
    assert calls.symbols == ("BTCUSDT", "ETHUSDT")
    assert calls.coin.tolist() == [0, 1]
    assert calls.version.tolist() == [0, -1]
    assert calls.is_trade.tolist() == [True, False]
    assert calls.net_r[0] == pytest.approx(0.9)  # 100 bp less 10 of costs, 100 risked
    assert np.isnan(calls.net_r[1])
    assert calls.atr_bps[0] == pytest.approx(50.0)


def test_portions_with_other_coins_and_versions_make_the_same_columns() -> None:
    rows = [
        call(0, symbol="SOLUSDT", version="b"),
        call(1, symbol="BTCUSDT"),
        call(2, symbol="ETHUSDT", version="a"),
        call(2, symbol="SOLUSDT", version="c"),
    ]
    whole = ResolvedCalls.of(rows)
    joined = ResolvedCalls.of(rows[:2]).followed_by(ResolvedCalls.of(rows[2:]))
    assert joined.symbols == whole.symbols
    assert joined.versions == whole.versions
    for name in ("coin", "version", "open_ms", "p", "return_bps"):
        np.testing.assert_array_equal(getattr(joined, name), getattr(whole, name))
    empty = ResolvedCalls.of([])
    assert (len(empty), empty.p.shape) == (0, (0, 3))
    assert episode_days(empty, empty.coin, 2) == [[], []]
    assert empty.followed_by(whole).coin.tolist() == whole.coin.tolist()
    assert whole.followed_by(empty).version.tolist() == whole.version.tolist()


def test_days_are_summed_after_costs() -> None:
    rows = [
        call(0, return_bps=50.0),
        call(1, return_bps=-40.0),
        call(96, return_bps=8.0, pred="SHORT"),
    ]
    (days,) = episode_days(ResolvedCalls.of(rows), np.zeros(3, dtype=np.int64), 1)
    assert days == [EpisodeDay(2, 1, 40.0, -10.0), EpisodeDay(1, 0, 0.0, -2.0)]


def test_groups_add_up_to_all() -> None:
    calls = ResolvedCalls.of(market(6))
    groups = [episodes(days) for days in episode_days(calls, calls.coin, 4)]
    (whole,) = episode_days(calls, np.zeros(len(calls), dtype=np.int64), 1)
    assert sum(each.n for each in groups) == episodes(whole).n == len(calls)
    assert sum(each.won for each in groups) == episodes(whole).won
