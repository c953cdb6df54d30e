"""Columns of resolved calls: what goes in comes out, in any portions."""

import numpy as np
import pytest

from crypto_bot.domain.signal import Source
from crypto_bot.statistics.performance import performance
from crypto_bot.statistics.resolved import ResolvedCalls, day_records
from tests.reports.made_calls import T0, call, market


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
    assert calls.hit.tolist() == [True, False]
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
    assert day_records(empty, empty.hit, empty.coin, 2) == [[], []]
    assert empty.followed_by(whole).coin.tolist() == whole.coin.tolist()
    assert whole.followed_by(empty).version.tolist() == whole.version.tolist()


def test_days_are_summed_as_the_database_sums_them() -> None:
    rows = [
        call(0, label="LONG", return_bps=50.0),
        call(1, label="SHORT", return_bps=-40.0),
        call(96, label="NO_TRADE", return_bps=0.0, source=Source.MOMENTUM),
    ]
    calls = ResolvedCalls.of(rows)
    ((first, second),) = day_records(calls, calls.hit, np.zeros(3, dtype=np.int64), 1)
    assert (first.day, first.n, first.hits, first.trades) == (T0 // 86_400_000, 2, 1, 2)
    assert first.return_bps == pytest.approx(10.0)
    assert first.brier == pytest.approx(0.6**2 + 0.4**2)
    assert (second.day, second.n, second.hits) == (first.day + 1, 1, 0)


def test_groups_add_up_to_all() -> None:
    calls = ResolvedCalls.of(market(6))
    groups = day_records(calls, calls.hit, calls.coin, 4)
    (whole,) = day_records(calls, calls.hit, np.zeros(len(calls), dtype=np.int64), 1)
    mixed = performance([day for group in groups for day in group])
    assert mixed.n == performance(whole).n == len(calls)
    assert mixed.hit_rate == pytest.approx(performance(whole).hit_rate)
