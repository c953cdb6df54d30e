"""The decision trades in the tails alone, by what earlier folds earned, live as in batch."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crypto_bot.domain.instant import DAY_MS
from crypto_bot.domain.signal import Pred
from crypto_bot.domain.timeframe import Timeframe
from crypto_bot.models.decision import (
    Expectation,
    ReturnMap,
    TrailingWindow,
    decide,
    expect_forward,
    fit_return_map,
    nearness,
    place,
    places,
    sides,
    trailing_window,
)
from crypto_bot.statistics.rows import Rows
from tests.models.made_specs import held

BAR_MS = 900_000
QUARTER = Timeframe.parse("15m")
SPAN_MS = 60 * DAY_MS
MAP = ReturnMap((0.01, 0.99), (-0.5, 0.0, 0.4))


@settings(max_examples=50, deadline=None)  # the first call compiles
@given(
    scores=st.lists(st.integers(-5, 5).map(float), min_size=1, max_size=60),
    skipped=st.sets(st.integers(0, 59)),
    least=st.integers(1, 10),
)
def test_live_places_equal_batch_places(scores: list[float], skipped: set[int], least: int) -> None:
    steps = [n for n in range(len(scores)) if n not in skipped] or [0]
    open_ms = np.array(steps, dtype=np.int64) * (SPAN_MS // 20)
    score = np.array([scores[n] for n in steps])
    window = TrailingWindow(SPAN_MS, least)
    batch = places(open_ms, np.zeros_like(open_ms), score, window)
    for row in range(open_ms.size):
        live = place(open_ms[:row], score[:row], int(open_ms[row]), float(score[row]), window)
        assert live == batch[row] or (np.isnan(live) and np.isnan(batch[row]))


def test_a_place_is_the_share_of_trailing_scores_below() -> None:
    open_ms = np.arange(5) * BAR_MS
    score = np.array([1.0, 3.0, 2.0, 2.0, 5.0])
    got = places(open_ms, np.zeros(5, dtype=np.int64), score, TrailingWindow(SPAN_MS, 1))
    assert np.isnan(got[0])
    assert got[1:].tolist() == [1.0, 0.5, 0.5, 1.0]


def test_coins_have_places_of_their_own_and_rows_any_order() -> None:
    rng = np.random.default_rng(3)
    open_ms, coin = np.tile(np.arange(200) * BAR_MS, 3), np.repeat([0, 1, 2], 200)
    score = rng.standard_normal(600) + 10.0 * coin
    window = TrailingWindow(SPAN_MS, 20)
    whole = places(open_ms, coin, score, window)
    shuffled = rng.permutation(600)
    assert np.array_equal(
        places(open_ms[shuffled], coin[shuffled], score[shuffled], window), whole[shuffled], True
    )
    one = places(open_ms[coin == 1], coin[coin == 1], score[coin == 1], window)
    assert np.array_equal(one, whole[coin == 1], True)


def test_scores_older_than_sixty_days_are_forgotten() -> None:
    open_ms = np.array([0, DAY_MS, SPAN_MS, SPAN_MS + 1], dtype=np.int64)
    score = np.array([9.0, 1.0, 5.0, 6.0])
    got = places(open_ms, np.zeros(4, dtype=np.int64), score, TrailingWindow(SPAN_MS, 1))
    assert got[2] == 0.5
    assert got[3] == 1.0


@pytest.mark.parametrize(
    ("timeframe", "days", "least"),
    [
        ("1m", 60, 1_000),
        ("15m", 60, 1_000),
        ("1h", 60, 1_000),
        ("4h", 400 / 6, 280),
        ("1d", 400, 280),
    ],
)
def test_longer_bars_are_compared_over_more_days(timeframe: str, days: float, least: int) -> None:
    window = trailing_window(Timeframe.parse(timeframe))
    assert (window.span_ms, window.least) == (round(days * DAY_MS), least)


@pytest.mark.parametrize("timeframe", ["15m", "1h", "4h", "1d"])
def test_bars_of_every_length_can_trade(timeframe: str) -> None:
    bar = Timeframe.parse(timeframe)
    window = trailing_window(bar)
    open_ms = np.arange(window.least + 1) * bar.ms
    at = places(open_ms, np.zeros_like(open_ms), np.arange(open_ms.size).astype(np.float64), window)
    assert np.isnan(at[:-1]).all()
    assert decide(float(at[-1]), MAP, 40.0, cost_bps=10.0).pred is Pred.LONG


def test_the_map_rises_and_finds_what_the_tails_earn() -> None:
    rng = np.random.default_rng(0)
    at = rng.random(200_000)
    earned = np.where(at > 0.99, 0.6, np.where(at < 0.01, -0.3, 0.0)) + rng.normal(0, 1, at.size)
    learned = fit_return_map(at, earned)
    assert learned is not None
    assert np.all(np.diff(learned.values) >= 0.0)
    found = learned.expected_atr(np.array([0.999, 0.5, 0.001, np.nan]))
    assert found[:3] == pytest.approx([0.6, 0.0, -0.3], abs=0.1)
    assert np.isnan(found[3])


def test_a_bin_without_rows_expects_no_more_than_its_neighbour_inside() -> None:
    learned = fit_return_map(np.array([0.3, 0.6, 0.94]), np.array([-1.0, 0.0, 2.0]))
    assert learned is not None
    found = learned.expected_atr(np.array([0.001, 0.3, 0.6, 0.94, 0.999]))
    assert found.tolist() == [-1.0, -1.0, 0.0, 2.0, 2.0]
    assert fit_return_map(np.array([np.nan]), np.array([1.0])) is None


@pytest.mark.parametrize(
    ("at", "atr_bps", "pred", "expected_bps"),
    [
        (0.999, 40.0, Pred.LONG, 16.0),
        (0.999, 20.0, Pred.NO_TRADE, None),  # 8 bp do not pay 10
        (0.001, 40.0, Pred.SHORT, 20.0),
        (0.992, 40.0, Pred.NO_TRADE, None),  # expected enough, not in the tail
        (float("nan"), 40.0, Pred.NO_TRADE, None),
    ],
)
def test_decide(at: float, atr_bps: float, pred: Pred, expected_bps: float | None) -> None:
    decision = decide(at, MAP, atr_bps, cost_bps=10.0)
    assert decision.pred is pred
    assert decision.expected_bps == (None if expected_bps is None else pytest.approx(expected_bps))


@pytest.mark.parametrize(
    ("at", "share"),
    [(0.5, -0.01), (0.98, 0.25), (0.996, 1.0), (0.01, -0.5), (0.005, -1.0), (float("nan"), None)],
)
def test_how_near_a_place_is_to_the_tail(at: float, share: float | None) -> None:
    assert nearness(at, 0.005) == share


def test_without_a_map_nothing_is_traded() -> None:
    assert decide(0.999, None, 40.0, 10.0).pred is Pred.NO_TRADE


def test_one_row_is_decided_as_in_the_batch() -> None:
    rng = np.random.default_rng(5)
    at, atr_bps = rng.random(500) ** 8, rng.uniform(10.0, 80.0, 500)
    expected = MAP.expected_atr(at) * atr_bps
    for row, side in enumerate(sides(Expectation(at, expected), 4.0)):
        one = decide(float(at[row]), MAP, float(atr_bps[row]), 4.0)
        assert (one.pred is Pred.SHORT, one.pred is Pred.LONG) == (side < 0, side > 0)
        assert one.expected_bps == (None if side == 0 else side * expected[row])


def market(n: int = 9_000, seed: int = 2) -> tuple[Rows, np.ndarray]:
    """Two folds of one coin whose score says a little of the return."""
    rng = np.random.default_rng(seed)
    score = rng.standard_normal(n)
    long_bps = 20.0 * score + rng.normal(0.0, 30.0, n)
    label = np.where(long_bps > 25.0, 2, np.where(long_bps < -25.0, 0, 1)).astype(np.int64)
    open_ms = np.arange(n, dtype=np.int64) * BAR_MS
    zeros = np.zeros(n, dtype=np.int64)
    fold = (np.arange(n) >= n // 2).astype(np.int64)
    rows = Rows(open_ms, zeros, fold, label, long_bps, long_bps, np.full(n, 30.0), held(4), QUARTER)
    return rows, score


def test_the_first_fold_has_nothing_to_learn_from_and_the_second_has() -> None:
    rows, score = market()
    expectation = expect_forward(rows, score)
    side = sides(expectation, 10.0)
    assert not side[rows.fold == 0].any()
    assert 0.002 < np.abs(side[rows.fold == 1]).mean() < 0.03
    taken = side != 0
    assert np.mean(side[taken] * rows.long_bps[taken]) > 25.0


def test_a_fold_learns_nothing_from_itself_or_the_day_before_it() -> None:
    rows, score = market()
    starts_ms = rows.open_ms[rows.fold == 1].min()
    spoiled = rows.long_bps.copy()
    spoiled[rows.open_ms >= starts_ms - DAY_MS] = -1e3
    other = replace(rows, long_bps=spoiled, late_bps=spoiled)
    for first, again in zip(expect_forward(rows, score), expect_forward(other, score), strict=True):
        assert np.array_equal(first, again, True)
