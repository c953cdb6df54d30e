"""Temperature and bias of served probabilities, learned again from what has been settled since.

Each day's are learned from the labels that were known before it: a function of the calls alone, so
that it comes out the same whenever it is computed. What they would have saved on the days since is
the evidence of whether the calibration of the models has drifted (`e_process`).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from crypto_bot.domain.instant import DAY_MS
from crypto_bot.statistics.resolved import LONG, SHORT, ResolvedCalls
from crypto_bot.statistics.rows import Floats
from crypto_bot.statistics.scores import log_loss

LEARNED_DAYS = 30
_SHRINK = 500.0
"""Of the squares of what is learned: weighs as much as some 2,500 calls."""
_STEPS = 4
"""Of Newton's method, which has converged by then."""


class Recalibration(NamedTuple):
    """Added to the log probabilities times `slope`: `bias` [3], that of NO_TRADE is 0."""

    slope: float
    bias: Floats

    def __str__(self) -> str:
        return (
            f"temperature x {1.0 / self.slope:.2f}, LONG x {np.exp(self.bias[LONG]):.2f}, "
            f"SHORT x {np.exp(self.bias[SHORT]):.2f} against NO_TRADE"
        )


class Day(NamedTuple):
    """A UTC day, and what its calls would have saved: mean of served less recalibrated, nats."""

    day: int
    saved: float
    by: Recalibration


def recalibrated(p: Floats, by: Recalibration) -> Floats:
    """Probabilities [n, 3] from `p`."""
    return _softmax(by.slope * np.log(np.maximum(p, 1e-12)) + by.bias)


def days_of(calls: ResolvedCalls) -> list[Day]:
    """One for each day with calls before which at least one label was known, in order."""
    known_ms = calls.open_ms + calls.horizon_ms
    found = []
    for day in np.unique(calls.day):
        start_ms = int(day) * DAY_MS
        known = (known_ms <= start_ms) & (calls.open_ms >= start_ms - LEARNED_DAYS * DAY_MS)
        if not known.any():
            continue
        by = learned(calls.where(known))
        mine = calls.where(calls.day == day)
        after = log_loss(recalibrated(mine.p, by), mine.label)
        saved = float((log_loss(mine.p, mine.label) - after).mean())
        found.append(Day(int(day), saved, by))
    return found


def learned(calls: ResolvedCalls) -> Recalibration:
    """What lowers the log loss of `calls`, shrunk towards leaving them as they are."""
    inputs = np.zeros((len(calls), 3, 3))
    """What each parameter moves of each class's logit: [n, class, parameter]."""
    inputs[:, :, 0] = np.log(np.maximum(calls.p, 1e-12))
    inputs[:, SHORT, 1] = inputs[:, LONG, 2] = 1.0
    flat, truth = inputs.reshape(-1, 3), np.eye(3)[calls.label]
    start = np.array([1.0, 0.0, 0.0])
    at = start.copy()
    for _ in range(_STEPS):
        p = _softmax(inputs @ at)
        gradient = (p - truth).reshape(-1) @ flat + _SHRINK * (at - start)
        weighted = flat * p.reshape(-1, 1)
        mean = weighted.reshape(-1, 3, 3).sum(axis=1)
        curvature = weighted.T @ flat - mean.T @ mean
        at -= np.linalg.solve(curvature + _SHRINK * np.eye(3), gradient)
    bias = np.zeros(3)
    bias[SHORT], bias[LONG] = at[1], at[2]
    return Recalibration(float(at[0]), bias)


def _softmax(logits: Floats) -> Floats:
    odds = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(odds / odds.sum(axis=1, keepdims=True))
