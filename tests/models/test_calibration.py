"""Calibration finds the scale that the made data has, and sees earlier folds alone."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crypto_bot.domain.instant import DAY_MS
from crypto_bot.models.calibration import Calibration, calibrate_forward, fit_calibration, fit_scale
from crypto_bot.models.families.family import HeadLogits
from crypto_bot.statistics.rows import LONG, NO_TRADE, SHORT, Floats, Ints

FOLD_DAYS = 40
BAR_MS = 900_000
HORIZON_MS = 4 * BAR_MS


def sigmoid(z: Floats) -> Floats:
    p: Floats = 1.0 / (1.0 + np.exp(-z))
    return p


def made(
    move_scale: float, up_scale: float, n: int = 40_000, seed: int = 1
) -> tuple[HeadLogits, Ints, Ints, Ints]:
    """Four folds in time, of heads whose true logits are scaled by the given factors."""
    rng = np.random.default_rng(seed)
    logits = HeadLogits(rng.normal(0.0, 0.5, n), rng.normal(0.0, 0.5, n))
    moved = rng.random(n) < sigmoid(move_scale * logits.move)
    up = rng.random(n) < sigmoid(up_scale * logits.up)
    label = np.where(moved, np.where(up, LONG, SHORT), NO_TRADE).astype(np.int64)
    open_ms = (np.arange(n) * (4 * FOLD_DAYS * DAY_MS // n) // BAR_MS) * BAR_MS
    return logits, label, open_ms // (FOLD_DAYS * DAY_MS), open_ms


@pytest.mark.parametrize("scale", [0.4, 1.0, 2.0])
def test_the_scale_is_found(scale: float) -> None:
    logits, label, _, _ = made(scale, 1.0)
    assert fit_scale(logits.move, label != NO_TRADE, (0.25, 4.0)) == pytest.approx(scale, abs=0.08)


def test_an_overconfident_direction_is_shrunk_and_a_good_temperature_left_alone() -> None:
    found = fit_calibration(*made(1.0, 0.45), HORIZON_MS)
    assert found.shrink == pytest.approx(0.45, abs=0.08)
    assert found.temperature == pytest.approx(1.0, abs=0.05)


def test_a_temperature_that_helped_is_kept() -> None:
    assert fit_calibration(*made(0.5, 1.0), HORIZON_MS).temperature == pytest.approx(2.0, abs=0.2)


def test_a_temperature_that_did_not_help_forward_is_dropped() -> None:
    logits, label, fold, open_ms = made(1.0, 1.0)
    sure_once = HeadLogits(np.where(fold == 0, 2.5, 1.0) * logits.move, logits.up)
    assert fit_calibration(sure_once, label, fold, open_ms, HORIZON_MS).temperature == 1.0


def test_direction_is_never_made_surer_nor_erased() -> None:
    assert fit_calibration(*made(1.0, 3.0), HORIZON_MS).shrink == pytest.approx(1.0)
    assert fit_calibration(*made(1.0, -1.0), HORIZON_MS).shrink == pytest.approx(0.05)


def test_each_fold_is_calibrated_by_the_folds_before_it() -> None:
    logits, label, fold, open_ms = made(1.0, 0.5)
    p, used = calibrate_forward(logits, label, fold, open_ms, HORIZON_MS)
    assert used[0] == Calibration()
    spoiled = label.copy()
    spoiled[fold >= 2] = LONG
    again, also = calibrate_forward(logits, spoiled, fold, open_ms, HORIZON_MS)
    assert np.array_equal(p[fold <= 2], again[fold <= 2])
    assert also[2] == used[2]
    assert also[3] != used[3]


@pytest.mark.parametrize(("horizon_ms", "waited_days"), [(HORIZON_MS, 1), (16 * DAY_MS, 16)])
def test_labels_that_reach_into_a_fold_and_those_of_a_day_before_it_are_not_seen(
    horizon_ms: int, waited_days: int
) -> None:
    logits, label, fold, open_ms = made(1.0, 0.5)
    late = (fold < 1) & (open_ms >= (FOLD_DAYS - waited_days) * DAY_MS)
    spoiled = label.copy()
    spoiled[late] = LONG
    assert late.any()
    _, used = calibrate_forward(logits, label, fold, open_ms, horizon_ms)
    _, also = calibrate_forward(logits, spoiled, fold, open_ms, horizon_ms)
    assert used[1] == also[1]


@given(
    move=st.floats(-40.0, 40.0),
    up=st.floats(-40.0, 40.0),
    temperature=st.floats(0.25, 4.0),
    shrink=st.floats(0.05, 1.0),
)
def test_probabilities_are_probabilities(
    move: float, up: float, temperature: float, shrink: float
) -> None:
    p = Calibration(temperature, shrink).probabilities(HeadLogits(np.array([move]), np.array([up])))
    assert np.all(p >= 0.0)
    assert p.sum() == pytest.approx(1.0, abs=1e-12)
    assert p[0, LONG] >= p[0, SHORT] if up >= 0.0 else p[0, LONG] <= p[0, SHORT]
