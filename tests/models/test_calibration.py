"""Calibration finds the scale that the made data has, and sees earlier folds alone."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crypto_bot.domain.horizon import Horizon
from crypto_bot.domain.instant import DAY_MS
from crypto_bot.domain.label import DOWN_NEUTRAL_UP, Direction, LabelSpec
from crypto_bot.domain.signal import Probabilities
from crypto_bot.domain.timeframe import Timeframe
from crypto_bot.models.calibration import Calibration, calibrate_forward, fit_calibration, fit_scale
from crypto_bot.models.families.two_heads import HeadLogits, probabilities
from crypto_bot.serving.trailing_scores import score_behind
from crypto_bot.statistics.rows import (
    LONG,
    NO_TRADE,
    SHORT,
    Floats,
    Rows,
    direction_score,
    move_logit,
)
from tests.models.made_specs import held

FOLD_DAYS = 40
BAR_MS = 900_000
QUARTER = Timeframe.parse("15m")
WAY = DOWN_NEUTRAL_UP


def sigmoid(z: Floats) -> Floats:
    p: Floats = 1.0 / (1.0 + np.exp(-z))
    return p


def rows_of(label: Floats, spec: LabelSpec) -> Rows:
    """Four folds in time."""
    n = label.size
    open_ms = (np.arange(n) * (4 * FOLD_DAYS * DAY_MS // n) // BAR_MS) * BAR_MS
    zeros, ones = np.zeros(n, np.int64), np.ones(n)
    fold = open_ms // (FOLD_DAYS * DAY_MS)
    return Rows(open_ms, zeros, fold, label.astype(np.int64), ones, ones, ones, spec, QUARTER)


def made(
    move_scale: float, up_scale: float, n: int = 40_000, *, bars: int = 4, sure: float = 1.0
) -> tuple[Floats, Rows]:
    """Probabilities of heads whose true logits are scaled by the given factors.

    In the first fold the move head is `sure` times as sure as later.
    """
    rng = np.random.default_rng(1)
    logits = HeadLogits(rng.normal(0.0, 0.5, n), rng.normal(0.0, 0.5, n))
    moved = rng.random(n) < sigmoid(move_scale * logits.move)
    up = rng.random(n) < sigmoid(up_scale * logits.up)
    rows = rows_of(np.where(moved, np.where(up, LONG, SHORT), NO_TRADE), held(bars))
    surer = HeadLogits(np.where(rows.fold == 0, sure, 1.0) * logits.move, logits.up)
    return probabilities(surer, WAY), rows


@pytest.mark.parametrize("scale", [0.4, 1.0, 2.0])
def test_the_scale_is_found(scale: float) -> None:
    p, rows = made(scale, 1.0)
    assert fit_scale(move_logit(p, WAY), rows.moved, (0.25, 4.0)) == pytest.approx(scale, abs=0.08)


def test_an_overconfident_direction_is_shrunk_and_a_good_temperature_left_alone() -> None:
    found = fit_calibration(*made(1.0, 0.45))
    assert found.shrink == pytest.approx(0.45, abs=0.08)
    assert found.temperature == pytest.approx(1.0, abs=0.05)


def test_a_temperature_that_helped_is_kept() -> None:
    assert fit_calibration(*made(0.5, 1.0)).temperature == pytest.approx(2.0, abs=0.2)


def test_a_temperature_that_did_not_help_forward_is_dropped() -> None:
    assert fit_calibration(*made(1.0, 1.0, sure=2.5)).temperature == 1.0


def test_direction_is_never_made_surer_nor_erased() -> None:
    assert fit_calibration(*made(1.0, 3.0)).shrink == pytest.approx(1.0)
    assert fit_calibration(*made(1.0, -1.0)).shrink == pytest.approx(0.05)


def test_each_fold_is_calibrated_by_the_folds_before_it() -> None:
    raw, rows = made(1.0, 0.5)
    p, used = calibrate_forward(raw, rows)
    assert used[0] == Calibration()
    spoiled = replace(rows, label=np.where(rows.fold >= 2, LONG, rows.label))
    again, also = calibrate_forward(raw, spoiled)
    assert np.array_equal(p[rows.fold <= 2], again[rows.fold <= 2])
    assert also[2] == used[2]
    assert also[3] != used[3]


@pytest.mark.parametrize(("bars", "waited_days"), [(4, 1), (16 * 96, 16)])
def test_labels_that_reach_into_a_fold_and_those_of_a_day_before_it_are_not_seen(
    bars: int, waited_days: int
) -> None:
    raw, rows = made(1.0, 0.5, bars=bars)
    late = (rows.fold < 1) & (rows.open_ms >= (FOLD_DAYS - waited_days) * DAY_MS)
    assert late.any()
    _, used = calibrate_forward(raw, rows)
    _, also = calibrate_forward(raw, replace(rows, label=np.where(late, LONG, rows.label)))
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
    raw = probabilities(HeadLogits(np.array([move]), np.array([up])), WAY)
    p = Calibration(temperature, shrink).probabilities(raw, held(4))
    assert np.all(p >= 0.0)
    assert p.sum() == pytest.approx(1.0, abs=1e-12)
    assert p[0, LONG] >= p[0, SHORT] if up >= 0.0 else p[0, LONG] <= p[0, SHORT]


single = st.floats(2**-20, 12.0, width=32).flatmap(lambda size: st.sampled_from([size, -size]))


@given(move=single, up=single)
def test_the_logits_of_a_network_are_found_again_to_the_bit(move: float, up: float) -> None:
    p = probabilities(HeadLogits(np.array([move]), np.array([up])), WAY)
    assert move_logit(p, WAY)[0] == move
    assert direction_score(p, WAY)[0] == up
    assert np.array_equal(Calibration().probabilities(p, held(4)), p)


def four_classes(
    sure: float, n: int = 40_000, direction: Direction | None = None
) -> tuple[Floats, Rows]:
    """Labels drawn from softmax(logits), predicted `sure` times as surely."""
    rng = np.random.default_rng(2)
    logits = rng.normal(0.0, 0.7, (n, 4))
    true = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    label = (rng.random((n, 1)) > np.cumsum(true, axis=1)).sum(axis=1)
    odds = np.exp(sure * logits)
    spec = LabelSpec("four", "made", Horizon(4), (1.0,), ("a", "b", "c", "d"), direction)
    return odds / odds.sum(axis=1, keepdims=True), rows_of(label, spec)


FOUR_SIDED = Direction((0, 1), (), (2, 3))


@pytest.mark.parametrize("direction", [None, FOUR_SIDED, Direction((0,), (1, 2), (3,))])
def test_any_number_of_classes_has_one_temperature(direction: Direction | None) -> None:
    p, rows = four_classes(2.0, direction=direction)
    found = fit_calibration(p, rows)
    assert found.temperature == pytest.approx(2.0, abs=0.1)
    calm = found.probabilities(p, rows.spec)
    assert calm.sum(axis=1) == pytest.approx(1.0, abs=1e-12)
    assert (calm.argmax(axis=1) == p.argmax(axis=1)).mean() > 0.95
    loss, before = (-np.log(each[np.arange(len(rows)), rows.label]).mean() for each in (calm, p))
    assert loss < before


def test_a_direction_of_several_classes_is_found_behind_what_was_served() -> None:
    """The score is that of the raw probabilities, and the classes of a side keep their shares."""
    p, rows = four_classes(2.0, n=2_000, direction=FOUR_SIDED)
    used = Calibration(2.0, 0.25)
    served = used.probabilities(p, rows.spec)
    assert np.array_equal(
        direction_score(served, FOUR_SIDED),
        (0.25 * direction_score(p, FOUR_SIDED)).astype(np.float32),
    )
    sums = [Probabilities(row[:2].sum(), 0.0, row[2:].sum()) for row in served]
    behind = [score_behind(each, used) for each in sums]
    assert np.array_equal(behind, direction_score(p, FOUR_SIDED))
    assert served[:, 0] / served[:, 1] == pytest.approx((p[:, 0] / p[:, 1]) ** 0.5)
