"""Records of trades against what they cost, and probabilities against the shares of the labels."""

from __future__ import annotations

from math import log

import pytest

from crypto_bot.domain.instant import DAY_MS
from crypto_bot.domain.log import ScoredCall, TradeRecord
from crypto_bot.domain.signal import Pred, Probabilities, Source
from crypto_bot.reports.trade_review import (
    Proof,
    break_even,
    loss_gap,
    proof,
    trade_performance,
)
from crypto_bot.statistics.daily import Interval


def record(day: int, n: int, gains: int, gain_bps: float, loss_bps: float) -> TradeRecord:
    return TradeRecord(Source.RSI_MA, "BTCUSDT", day, n, gains, gain_bps, loss_bps)


@pytest.mark.parametrize(
    ("interval", "yardstick", "word"),
    [
        (Interval(0.46, 0.5), 0.45, Proof.ABOVE),
        (Interval(0.46, 0.5), 0.48, Proof.NOT_PROVEN),
        (Interval(0.46, 0.5), 0.46, Proof.NOT_PROVEN),
        (Interval(0.46, 0.5), 0.51, Proof.BELOW),
        (None, 0.5, Proof.NOT_PROVEN),
        (Interval(0.46, 0.5), None, Proof.NOT_PROVEN),
    ],
)
def test_only_a_whole_interval_proves(
    interval: Interval | None, yardstick: float | None, word: Proof
) -> None:
    assert proof(interval, yardstick) is word


def test_at_the_break_even_rate_trades_earn_their_cost() -> None:
    """Mean gain 60 bp, mean loss 40 bp, cost 10 bp: h 60 - (1 - h) 40 = 10 at one half."""
    rows = [record(1, 40, 10, 600.0, 1200.0)]
    assert break_even(rows, 10.0) == pytest.approx(0.5)
    assert break_even(rows, 0.0) == pytest.approx(0.4)


@pytest.mark.parametrize(
    "row", [record(1, 29, 9, 90.0, 100.0), record(1, 40, 40, 90.0, 0.0), record(1, 40, 0, 0.0, 9.0)]
)
def test_no_break_even_from_too_little(row: TradeRecord) -> None:
    assert break_even([row], 10.0) is None


def test_a_hit_is_a_gain() -> None:
    made = trade_performance([record(1, 20, 12, 240.0, 80.0), record(2, 20, 8, 160.0, 120.0)])
    assert (made.n, made.hits, made.trades) == (40, 20, 40)
    assert made.hit_rate == 0.5
    assert made.mean_return_bps == pytest.approx(5.0)


def calls(day: int, n: int, shares: Probabilities) -> list[ScoredCall]:
    """Labels short, none, long in turn."""
    return [ScoredCall("BTCUSDT", day * DAY_MS + at, shares, list(Pred)[at % 3]) for at in range(n)]


def test_the_shares_themselves_lose_nothing_against_the_baseline() -> None:
    even = Probabilities(1 / 3, 1 / 3, 1 / 3)
    gap = loss_gap([call for day in range(6) for call in calls(day, 30, even)])
    assert gap is not None
    assert gap.baseline == pytest.approx(log(3))
    assert gap.gap == pytest.approx(0.0, abs=1e-12)
    assert gap.interval == pytest.approx((0.0, 0.0), abs=1e-9)


def test_overconfidence_costs() -> None:
    gap = loss_gap(calls(1, 30, Probabilities(0.98, 0.01, 0.01)))
    assert gap is not None
    assert gap.loss == pytest.approx(-(log(0.98) + 2 * log(0.01)) / 3)
    assert gap.gap > 1.5
    assert gap.interval is None, "one day says nothing of the next"


def test_a_probability_of_zero_that_came_true_is_not_infinite() -> None:
    gap = loss_gap(calls(1, 30, Probabilities(1.0, 0.0, 0.0)))
    assert gap is not None
    assert gap.loss == pytest.approx(-2 * log(1e-6) / 3)


def test_nothing_is_said_of_few_calls_or_of_one_label() -> None:
    assert loss_gap(calls(1, 29, Probabilities(0.3, 0.3, 0.4))) is None
    assert loss_gap(calls(1, 1, Probabilities(0.3, 0.3, 0.4)) * 40) is None
