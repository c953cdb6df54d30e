"""Returns of the decision are counted right, late ones too; luck is distinguished from skill."""

import numpy as np
import pytest

from crypto_bot.domain.instant import DAY_MS
from crypto_bot.domain.timeframe import Timeframe
from crypto_bot.models.decision import Expectation
from crypto_bot.statistics.intervals import DayBootstrap
from crypto_bot.statistics.rows import Ints, Rows
from crypto_bot.training.returns import TradeReport, deflated_sharpe, trade_report
from tests.models.made_specs import held

QUARTER = Timeframe.parse("15m")


def report(
    place: list[float], expected: list[float], long_bps: list[float], opens: Ints | None = None
) -> TradeReport:
    """One row a day, one bar later 5 bp less."""
    n = len(place)
    opens = np.arange(n) * DAY_MS if opens is None else opens
    zeros = np.zeros(n, dtype=np.int64)
    earned = np.array(long_bps)
    late, ones = earned - 5.0, np.ones(n)
    rows = Rows(opens, zeros, zeros, zeros, earned, late, ones, held(4), QUARTER)
    expectation = Expectation(np.array(place), np.array(expected))
    days = DayBootstrap(rows.open_ms, 200)
    return trade_report(rows, expectation, days, cost_bps=10.0, trials=10)


def test_longs_and_shorts_are_counted_gross_net_and_late() -> None:
    got = report(
        [0.999, 0.999, 0.001, 0.5, np.nan] * 10,
        [15.0, 9.0, -12.0, 30.0, np.nan] * 10,
        [40.0, 99.0, -20.0, 99.0, 99.0] * 10,
    )
    assert (got.trades, got.longs, got.shorts, got.judged_rows) == (20, 10, 10, 40)
    assert got.gross_bps.value == pytest.approx(30.0)
    assert got.net_bps.value == pytest.approx(20.0)
    assert got.late_gross_bps.value == pytest.approx((35.0 + 25.0) / 2)
    assert got.late_net_bps.value == pytest.approx(20.0)
    assert got.gross_bps.low <= 30.0 <= got.gross_bps.high
    assert got.trials == 10


def test_no_trades_have_no_returns_and_are_not_profitable() -> None:
    got = report([0.5] * 30, [50.0] * 30, [50.0] * 30)
    assert (got.trades, got.events, got.profitable) == (0, 0, False)
    assert np.isnan([*got.net_bps, got.deflated_sharpe]).all()


def test_entries_within_a_horizon_are_one_event_whatever_the_coin() -> None:
    opens = np.array([0, 0, 1, 3, 7, 100]) * QUARTER.ms
    got = report([1.0] * 6, [50.0] * 6, [1.0] * 6, opens)
    assert (got.trades, got.events) == (6, 3)


def test_profit_needs_interval_and_deflated_sharpe() -> None:
    rng = np.random.default_rng(0)
    sure = report([0.999] * 300, [50.0] * 300, (60.0 + rng.normal(0, 30, 300)).tolist())
    assert sure.net_bps.low > 0.0
    assert sure.deflated_sharpe > 0.99
    assert sure.profitable
    lucky = report([0.999] * 300, [50.0] * 300, (12.0 + rng.normal(0, 60, 300)).tolist())
    assert not lucky.profitable


def test_deflated_sharpe_falls_with_the_trials_and_is_half_at_the_lucky_one() -> None:
    rng = np.random.default_rng(1)
    returns = rng.normal(0.2, 1.0, 260)
    by_trials = [deflated_sharpe(returns, trials) for trials in (1, 10, 200, 10_000)]
    assert by_trials == sorted(by_trials, reverse=True)
    assert by_trials[0] > 0.95 > by_trials[-1]
    assert deflated_sharpe(returns - returns.mean(), 1) == pytest.approx(0.5)
    assert np.isnan(deflated_sharpe(np.zeros(50), 5))


def test_the_best_of_many_tries_without_skill_is_rarely_called_skill() -> None:
    called = 0
    for seed in range(100):
        tries = np.random.default_rng(seed).normal(0.0, 1.0, (50, 260))
        best = tries[np.argmax(tries.mean(axis=1) / tries.std(axis=1))]
        called += deflated_sharpe(best, 50) >= 0.95
    assert called <= 5
