"""How a search cuts time, what a trial is worth, and what is said of the result."""

from itertools import pairwise

import numpy as np
import pytest

from benchmarks.aa_search import best_of, claims
from crypto_bot.backtesting.search import (
    BEST,
    DEFAULT,
    LEAST_DAYS,
    LEAST_TRADES,
    MEDIAN,
    Judged,
    OuterFold,
    Run,
    SearchFigures,
    Span,
    Tried,
    chosen_of,
    cut,
    worth_of,
)
from crypto_bot.domain.errors import ConfigError
from crypto_bot.domain.instant import DAY_MS
from crypto_bot.statistics.standing import Standing

M15_MS = 900_000
SINCE = 20_000 * DAY_MS
GAP = 2 * DAY_MS + 6 * M15_MS


@pytest.mark.parametrize(("days", "folds"), [(400, 1), (400, 3), (730, 5)])
def test_a_search_sees_only_what_came_before_its_outer_fold(days: int, folds: int) -> None:
    span = Span(SINCE + M15_MS, SINCE + days * DAY_MS - M15_MS)
    found = cut(span, folds, GAP, M15_MS)
    outer = [fold.outer for fold in found]
    assert len(found) == folds
    assert outer[0].since_ms - SINCE >= days // 2 * DAY_MS
    assert outer[-1].until_ms <= span.until_ms
    for before, after in pairwise(outer):
        assert after.since_ms == before.until_ms + M15_MS
    for fold in found:
        assert fold.searched.since_ms >= span.since_ms
        assert fold.searched.until_ms + M15_MS <= fold.outer.since_ms - GAP
        for one, two in pairwise(fold.inner):
            assert two.since_ms == one.until_ms + M15_MS
        assert all(each.days > LEAST_DAYS - 1 for each in (*fold.inner, fold.outer))


def test_folds_without_enough_days_are_refused() -> None:
    span = Span(SINCE, SINCE + 200 * DAY_MS)
    with pytest.raises(ConfigError, match="days, 32 are needed"):
        cut(span, 1, GAP, M15_MS)
    with pytest.raises(ConfigError, match="use 1 or more"):
        cut(span, 0, GAP, M15_MS)


def made(seed: int, mean: float, trades: int = LEAST_TRADES) -> Run:
    noise = np.random.default_rng(seed).normal(0.0, 0.01, 100)
    returns = noise - noise.mean() + mean
    return Run(returns, float(np.prod(1.0 + returns)) - 1.0, 0.1, trades)


def test_a_trial_is_worth_the_mean_of_its_folds_and_nothing_where_it_stays_out() -> None:
    good, bad = made(1, 0.004), made(2, -0.004)
    one, two = worth_of([good]), worth_of([bad])
    assert one is not None
    assert two is not None
    assert worth_of([good, bad]) == pytest.approx((one + two) / 2)
    assert one > 0.0 > two
    out = Run(np.zeros(100), 0.0, 0.0, 0)
    assert worth_of([out] * 4) is None
    assert worth_of([good, out]) == pytest.approx(one / 2)


def test_the_best_the_median_and_the_default_are_chosen() -> None:
    trials = [Tried({"a": at}, worth, "k") for at, worth in enumerate((3.0, None, 1.0, 2.0))]
    assert chosen_of(trials) == {BEST: {"a": 0}, MEDIAN: {"a": 3}, DEFAULT: {}}
    with pytest.raises(ConfigError, match="no trial made 30 trades"):
        chosen_of(trials[1:2])


@pytest.mark.parametrize(
    ("mean", "tried", "standing"),
    [
        (0.004, 1, Standing.ABOVE),
        (0.004, 10**6, Standing.NOT_PROVEN),
        (0.0005, 1, Standing.NOT_PROVEN),
        (-0.004, 1, Standing.BELOW),
    ],
)
def test_what_luck_among_the_trials_could_do_is_not_proven(
    mean: float, tried: int, standing: Standing
) -> None:
    best, usual = made(5, mean), made(6, 0.0)
    span = Span(SINCE, SINCE + DAY_MS)
    judged = Judged(OuterFold((span,), span), {}, {BEST: best, MEDIAN: usual, DEFAULT: usual})
    figures = SearchFigures(
        account="a",
        timeframe="15m",
        coins=1,
        models="",
        made=1,
        tried=tried,
        judged=1,
        folds=[judged] * 2,
    )
    shown = figures.shown
    assert shown[0].standing is standing
    assert shown[0].change == pytest.approx((1.0 + best.change) ** 2 - 1.0)
    assert shown[0].better.value == pytest.approx(100.0 * 365 * mean)
    assert shown[1].better.value == pytest.approx(0.0)


def test_the_best_of_200_trials_without_skill_is_not_called_skill() -> None:
    """`benchmarks.aa_search` does it 1,000 times; an edge in the candles is found."""
    deflated, plain = claims([best_of(seed) for seed in range(20)])
    assert deflated <= 1
    assert plain > 10
    assert claims([best_of(seed, 0.2) for seed in range(5)])[0] == 5
