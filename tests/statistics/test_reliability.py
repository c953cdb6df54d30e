"""Reliability: bins by hand, calibration error and noise floor."""

from math import isnan

import numpy as np
import pytest

from crypto_bot.statistics.daily import MIN_CALLS, wilson
from crypto_bot.statistics.reliability import Leaning, reliability
from crypto_bot.statistics.scores import equal_mass_bins


def test_two_bins_by_hand() -> None:
    p = np.array([0.2] * 30 + [0.6] * 30)
    observed = np.array([True] * 3 + [False] * 27 + [True] * 21 + [False] * 9)
    found = reliability(p, observed)
    low, high = found.bins
    assert (low.predicted, low.observed.value, low.n) == pytest.approx((0.2, 0.1, 30))
    assert (high.predicted, high.observed.value, high.n) == pytest.approx((0.6, 0.7, 30))
    assert low.observed == pytest.approx(wilson(0.1, 30))
    assert found.error == pytest.approx(0.1)


def test_too_few_rows_have_no_error() -> None:
    found = reliability(np.full(MIN_CALLS - 1, 0.5), np.ones(MIN_CALLS - 1, dtype=bool))
    assert found.bins == ()
    assert isnan(found.error)
    assert found.leaning is None


def test_the_floor_is_that_of_labels_redrawn_row_by_row() -> None:
    rng = np.random.default_rng(0)
    p = rng.uniform(0.05, 0.95, 2000)
    found = reliability(p, rng.random(2000) < p)
    place = equal_mass_bins(p, 8)
    rows, predicted = np.bincount(place), np.bincount(place, p)
    errors = [
        np.abs(np.bincount(place, rng.random(2000) < p) - predicted).sum() / 2000
        for _ in range(1000)
    ]
    assert rows.tolist() == [250] * 8
    assert len(set(equal_mass_bins(np.full(50, 0.3), 8).tolist())) == 1
    assert found.floor == pytest.approx(np.quantile(errors, 0.95), rel=0.08)


@pytest.mark.parametrize(
    ("shift", "leaning"), [(0.1, Leaning.TOO_CONFIDENT), (-0.1, Leaning.TOO_TIMID)]
)
def test_what_an_error_means(shift: float, leaning: Leaning) -> None:
    rng = np.random.default_rng(1)
    truth = rng.uniform(0.2, 0.6, 4000)
    assert reliability(truth + shift, rng.random(4000) < truth).leaning is leaning
    same = reliability(truth, rng.random(4000) < truth)
    assert same.leaning is Leaning.WITHIN_NOISE
