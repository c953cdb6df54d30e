"""Ratios of return to risk, against plain loops, and their intervals."""

import numpy as np
import pytest

from crypto_bot.statistics.ratios import (
    by_blocks,
    calmar,
    drawdowns,
    shuffled_drawdowns,
    sortino,
)


def test_ratios_equal_those_of_a_plain_loop() -> None:
    returns = np.random.default_rng(1).normal(0.001, 0.02, 400)
    equity = peak = 1.0
    deepest = 0.0
    for each in returns:
        equity *= 1.0 + each
        peak = max(peak, equity)
        deepest = max(deepest, 1.0 - equity / peak)
    losses = [min(each, 0.0) ** 2 for each in returns]
    assert drawdowns(returns[None])[0] == pytest.approx(deepest, rel=1e-12)
    yearly = equity ** (365 / 400) - 1.0
    assert calmar(returns[None])[0] == pytest.approx(yearly / deepest, rel=1e-12)
    expected = returns.mean() / (sum(losses) / 400) ** 0.5 * 365**0.5
    assert sortino(returns[None])[0] == pytest.approx(expected, rel=1e-12)


def test_intervals_hold_the_truth_about_as_often_as_they_claim() -> None:
    """No skill: the interval of a ratio that is truly 0 leaves it out in about one of twenty."""
    rng = np.random.default_rng(2)
    found = [by_blocks(rng.normal(0.0, 0.02, 200), sortino, seed, 300) for seed in range(200)]
    outside = sum(not each.low <= 0.0 <= each.high for each in found)
    assert 2 <= outside <= 22
    assert not by_blocks(np.zeros(10), sortino).is_estimated


def test_a_shuffle_keeps_the_trades_and_changes_the_drawdown() -> None:
    growth = np.array([0.1] * 20 + [-0.05] * 20)
    found = shuffled_drawdowns(growth)
    assert found.max() <= 1.0 - 0.95**20 + 1e-12
    assert np.median(found) < 0.5 * (1.0 - 0.95**20)
    assert found.min() >= 0.05 - 1e-12
