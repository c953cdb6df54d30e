"""Log loss against the baseline: by hand, without a look ahead, and who is better."""

from math import log

import numpy as np
import pytest

from crypto_bot.domain.instant import DAY_MS
from crypto_bot.statistics.loss_curve import Losses, losses, rolling
from crypto_bot.statistics.resolved import ResolvedCalls
from tests.reports.made_calls import T0, call, market


def test_losses_of_two_days_by_hand() -> None:
    first = [call(0, symbol=f"C{n}", label="LONG" if n < 60 else "SHORT") for n in range(120)]
    rows = [*first, call(96, symbol="C0", label="LONG", p=(0.1, 0.4, 0.5))]
    found = losses(ResolvedCalls.of(sorted(rows, key=lambda row: row.candle_open_ms)))
    assert np.isnan(found.baseline[:120]).all(), "nothing precedes the first day"
    assert found.calls[-1] == pytest.approx(-log(0.5))
    pooled = 61 / 123  # 60 of 120, with one of each added
    assert found.baseline[-1] == pytest.approx(-log((1 + 100 * pooled) / 101))


def test_the_baseline_of_a_source_uses_only_earlier_calls_of_that_source() -> None:
    rows = market(5)
    rules = [call(at, label="SHORT") for at in range(0, 5 * 96, 4)]
    calls = ResolvedCalls.of(sorted([*rows, *rules], key=lambda row: row.candle_open_ms))
    alone = ResolvedCalls.of(rows)
    mine = calls.source == alone.source[0]
    np.testing.assert_allclose(losses(calls).baseline[mine], losses(alone).baseline)
    half = alone.where(alone.open_ms < T0 + 3 * DAY_MS)
    np.testing.assert_allclose(losses(alone).baseline[: len(half)], losses(half).baseline)


def test_labels_older_than_thirty_days_are_not_used() -> None:
    old = [call(0, symbol=f"C{n}", label="SHORT") for n in range(200)]
    rows = [*old, call(30 * 96, symbol="C0"), call(31 * 96, symbol="C0")]
    found = losses(ResolvedCalls.of(rows))
    assert np.isfinite(found.baseline[200])
    assert np.isnan(found.baseline[201]), "one label is no baseline"


def test_a_window_of_seven_days_by_hand() -> None:
    calls = ResolvedCalls.of([call(96 * day) for day in range(9)])
    found = Losses(np.arange(1.0, 10.0), np.full(9, 2.0))
    points = rolling(calls, found)
    assert [point.n for point in points] == [4, 5, 6, 7, 7, 7]
    last = points[-1]
    assert last.day_ms == T0 + 8 * DAY_MS
    assert last.loss == pytest.approx(6.0)  # mean of 3 to 9
    assert last.baseline == 2.0
    assert last.difference.value == pytest.approx(2.0)
    assert last.difference.low < 2.0 < last.difference.high


def test_days_without_a_baseline_have_no_point() -> None:
    calls = ResolvedCalls.of([call(96 * day) for day in range(9)])
    assert rolling(calls, Losses(np.ones(9), np.full(9, np.nan))) == ()
    assert rolling(calls.where(np.zeros(9, dtype=bool)), Losses(np.empty(0), np.empty(0))) == ()


def test_true_probabilities_beat_the_baseline_and_overconfident_ones_do_not() -> None:
    honest = ResolvedCalls.of(market(20, coins=6, bars=48))
    point = rolling(honest, losses(honest))[-1]
    assert point.difference.high < 0.0
    shrill = ResolvedCalls.of(market(20, coins=6, bars=48, stretch=4.0))
    point = rolling(shrill, losses(shrill))[-1]
    assert point.difference.low > 0.0
