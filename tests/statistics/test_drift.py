"""Inputs and calibration that drift are found; those that do not are left alone."""

from __future__ import annotations

import json
from collections.abc import Callable

import numpy as np
import pytest

from crypto_bot.domain.alarm import Drifted
from crypto_bot.domain.instant import DAY_MS
from crypto_bot.models.inputs import inputs_as_json
from crypto_bot.reports.live_drift import outcome_alarms
from crypto_bot.statistics.drift import WINDOW_BARS, Reference, drifted, reference
from crypto_bot.statistics.loss_curve import losses
from crypto_bot.statistics.recalibration import (
    KEPT_DAYS,
    Recalibration,
    Recalibrations,
    settled_calls,
)
from crypto_bot.statistics.resolved import ResolvedCalls
from crypto_bot.statistics.rows import Floats

COLUMNS = ("fast", "slow", "hour", "clipped")


def market(bars: int, seed: int) -> Floats:
    """Columns that jump, that wander, that repeat each day, and that stay at their limit."""
    rng = np.random.default_rng(seed)
    slow = np.convolve(rng.normal(size=bars + 499), np.ones(500) / 22.0, mode="valid")
    hour = np.sin(np.arange(bars) * 2 * np.pi / 96)
    return np.stack((rng.normal(size=bars), slow, hour, np.minimum(slow, 0.5)), axis=1)


@pytest.fixture(scope="module")
def known() -> Reference:
    return reference(market(60 * 480, 0).reshape(-1, 480, 4))


def stuck(rows: Floats) -> None:
    rows[:, 1] = rows[0, 1]


def larger(rows: Floats) -> None:
    rows[:, 0] *= 20.0


def shifted(rows: Floats) -> None:
    rows[:, 0] += 3.0


@pytest.mark.parametrize(
    ("spoil", "column"), [(stuck, "slow"), (larger, "fast"), (shifted, "fast")]
)
def test_what_never_was_in_training_is_found(
    known: Reference, spoil: Callable[[Floats], None], column: str
) -> None:
    rows = market(480, 1)[-WINDOW_BARS:]
    assert drifted(rows, known) == []
    spoil(rows)
    assert COLUMNS[drifted(rows, known)[0].column] == column


def test_a_year_like_the_training_span_alarms_nobody(known: Reference) -> None:
    rows = market(365 * 96, 2)
    days = [rows[at : at + WINDOW_BARS] for at in range(0, rows.shape[0], 96)]
    assert sum(bool(drifted(day, known)) for day in days) <= 2


def test_a_column_of_a_few_values_alarms_nobody_after_it_was_stored() -> None:
    """Its deciles are its values: each must stay on its side of them."""
    quarter = np.arange(60 * 480) % 4 * 2 * np.pi / 4
    rows = np.column_stack((np.sin(quarter), np.cos(quarter)))
    rows = rows.astype(np.float32).astype(np.float64)
    held = json.loads(inputs_as_json(reference(rows.reshape(-1, 480, 2))))
    stored = Reference(*(np.array(held[name]) for name in Reference._fields))
    assert drifted(rows[-WINDOW_BARS:], stored) == []


def settled(days: int, by: Recalibration | None = None, *, right: bool = True) -> ResolvedCalls:
    """Calls of a model that is well calibrated, but for what is done `by` a recalibration."""
    rng = np.random.default_rng(4)
    n = days * 96
    truth = rng.dirichlet((8.0, 16.0, 8.0), n)
    label = (truth.cumsum(axis=1) < rng.random((n, 1))).sum(axis=1)
    p = truth if right else rng.permutation(truth)
    whole, part, no = np.zeros(n, np.int64), np.zeros(n), np.zeros(n, np.bool_)
    open_ms = np.arange(n) * (DAY_MS // 96)
    return ResolvedCalls(
        *(("BTCUSDT",), ("m",), whole, whole, whole, open_ms, whole + DAY_MS // 24, whole, label),
        *(no, p if by is None else by.of(p), part, part, part, part),
    )


@pytest.mark.parametrize(
    ("by", "right", "what"),
    [
        (None, True, set()),
        (Recalibration(1.5, 0.0, 0.0), True, {Drifted.CALIBRATION}),
        (Recalibration(1.0, 0.0, 0.5), True, {Drifted.CALIBRATION}),
        (Recalibration(2.0, 0.0, 0.0), False, {Drifted.CALIBRATION, Drifted.LOSS}),
    ],
)
def test_calibration_and_loss_that_drift_are_found(
    by: Recalibration | None, right: bool, what: set[Drifted]
) -> None:
    calls = settled(80, by, right=right)
    assert {each.what for each in outcome_alarms(calls, losses(calls))} == what


def test_what_is_learned_undoes_what_was_done() -> None:
    done = Recalibration(1.3, -0.2, 0.3)
    known = Recalibrations(lag_ms=DAY_MS)
    known.add(settled_calls(settled(80, done)))
    found = known.at(80 * DAY_MS)
    assert found.helps
    # Shrunk: of one coin a month says half.
    assert 1 / done.slope < found.by.slope < 0.95
    assert -done.long / done.slope < found.by.long < -0.05
    assert 0.05 < found.by.short < -done.short / done.slope
    as_it_is = Recalibrations(lag_ms=DAY_MS)
    as_it_is.add(settled_calls(settled(80)))
    assert not as_it_is.at(80 * DAY_MS).helps


def test_the_same_comes_out_whenever_and_in_whatever_order_it_is_computed() -> None:
    calls = list(settled_calls(settled(120, Recalibration(1.3, -0.2, 0.3))))
    live, later, late = (Recalibrations(lag_ms=DAY_MS) for _ in range(3))
    found = []
    for day in range(120):  # as outcomes come
        live.add(each for each in calls if each.settled_ms // DAY_MS == day)
        found.append(live.at((day + 1) * DAY_MS))
    later.add(reversed(calls))
    assert [later.at((day + 1) * DAY_MS) for day in range(30, 120)] == found[30:]
    restarted = Recalibrations(lag_ms=DAY_MS)
    since_ms = (120 - KEPT_DAYS) * DAY_MS - DAY_MS
    restarted.add(each for each in calls if each.settled_ms > since_ms)
    assert restarted.at(120 * DAY_MS) == found[-1]
    # Of a coin that was far behind something becomes known afterwards.
    late.add(each for each in calls if each.open_ms % 7)
    late.at(120 * DAY_MS)
    late.add(each for each in calls if not each.open_ms % 7)
    assert late.at(120 * DAY_MS) == found[-1]
