"""Coverage of the day bootstrap, and no interval for a few days."""

import numpy as np
import pytest

from crypto_bot.domain.instant import DAY_MS
from crypto_bot.statistics.intervals import DayBootstrap, ratio


def mean_interval(values: np.ndarray, open_ms: np.ndarray, seed: int = 0) -> tuple[float, ...]:
    days = DayBootstrap(open_ms, 400, seed)
    return tuple(days.estimate(days.sums(values, np.ones(values.size)), ratio))


def test_every_draw_has_as_many_days_as_there_are() -> None:
    days = DayBootstrap(np.arange(50) * DAY_MS, 100)
    assert days.weights.shape == (100, 50)
    assert set(days.weights.sum(axis=1)) == {50.0}
    same, other = (DayBootstrap(np.arange(50) * DAY_MS, 100, seed) for seed in (0, 1))
    assert np.array_equal(days.weights, same.weights)
    assert not np.array_equal(days.weights, other.weights)


def test_the_interval_has_its_nominal_coverage() -> None:
    covered = 0
    for seed in range(200):
        rng = np.random.default_rng(seed)
        shocks = rng.normal(0.0, 1.0, 204)
        # days that resemble each other
        daily = np.convolve(shocks, np.ones(3) / 3, mode="valid")[:200]
        _, low, high = mean_interval(daily, np.arange(200) * DAY_MS, seed)
        covered += low <= 0.0 <= high
    assert 0.87 <= covered / 200 <= 0.98


def test_coins_of_one_day_count_as_one() -> None:
    rng = np.random.default_rng(4)
    daily = rng.normal(0.0, 1.0, 100)
    _, low, high = mean_interval(daily, np.arange(100) * DAY_MS)
    _, low_32, high_32 = mean_interval(np.tile(daily, 32), np.tile(np.arange(100) * DAY_MS, 32))
    assert (low_32, high_32) == pytest.approx((low, high))


def test_a_block_holds_a_horizon_and_outcomes_that_overlap_widen_the_interval() -> None:
    daily = np.random.default_rng(0).normal(0.0, 1.0, 430)
    overlapping = np.convolve(daily, np.ones(30) / 30, mode="valid")
    open_ms = np.arange(overlapping.size) * DAY_MS
    widths = []
    for horizon_ms in (0, 30 * DAY_MS):
        days = DayBootstrap(open_ms, 400, horizon_ms=horizon_ms)
        found = days.estimate(days.sums(overlapping, np.ones(overlapping.size)), ratio)
        widths.append(found.high - found.low)
    assert widths[1] > 1.5 * widths[0]
    few = DayBootstrap(open_ms[:119], 10, horizon_ms=30 * DAY_MS)
    value, low, high = few.estimate(few.sums(np.ones(119), np.ones(119)), ratio)
    assert value == 1.0
    assert np.isnan([low, high]).all()
