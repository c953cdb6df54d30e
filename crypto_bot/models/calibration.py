"""Calibration: a scale for each head's logit, each fitted on rows that the head did not see.

Temperature scaling after Guo et al., On Calibration of Modern Neural Networks (2017), fitted as one
over the temperature: the log loss is convex in that.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from crypto_bot.models.families.family import HeadLogits
from crypto_bot.statistics.rows import LONG, NO_TRADE, SHORT, Bools, Floats, Ints, earlier

_HALVINGS = 40
_MOVE_SCALES = (0.25, 4.0)
_SHRINKS = (0.05, 1.0)
"""Never above 1: a head is not made surer than it was. Never 0: the order of the scores stays."""
_MIN_MOVED = 200
"""Fewer moved rows than this say nothing of a scale; the uncalibrated logit is kept."""


@dataclass(frozen=True, slots=True)
class Calibration:
    """`temperature` divides the move logit, `shrink` multiplies the direction logit."""

    temperature: float = 1.0
    shrink: float = 1.0

    def probabilities(self, logits: HeadLogits) -> Floats:
        """P(SHORT), P(NO_TRADE), P(LONG) as [n, 3]; P(LONG) = P(move) P(up | move)."""
        move = _sigmoid(logits.move / self.temperature)
        up = _sigmoid(logits.up * self.shrink)
        p = np.empty((logits.move.size, 3))
        p[:, SHORT] = move * (1.0 - up)
        p[:, NO_TRADE] = 1.0 - move
        p[:, LONG] = move * up
        return p


def fit_calibration(
    logits: HeadLogits, label: Ints, fold: Ints, open_ms: Ints, horizon_ms: int
) -> Calibration:
    """From out-of-sample rows (arrays [n], folds numbered by time), for the model that comes next.

    The temperature is kept only where, over the folds so far, one fitted on the folds before
    lowered the log loss of the fold after; else it is 1.
    """
    moved = label != NO_TRADE
    if moved.sum() < _MIN_MOVED:
        return Calibration()
    shrink = fit_scale(logits.up[moved], label[moved] == LONG, _SHRINKS)
    if not _temperature_helped(logits.move, moved, fold, open_ms, horizon_ms):
        return Calibration(shrink=shrink)
    return Calibration(1.0 / fit_scale(logits.move, moved, _MOVE_SCALES), shrink)


def calibrate_forward(
    logits: HeadLogits, label: Ints, fold: Ints, open_ms: Ints, horizon_ms: int
) -> tuple[Floats, dict[int, Calibration]]:
    """Probabilities [n, 3] of each fold under what its earlier folds taught, and that by fold.

    The first fold has nothing before it and stays uncalibrated: pass the validation rows of the
    first model as a fold of their own, numbered below the test folds, and drop them afterwards.
    """
    p = np.empty((label.size, 3))
    used: dict[int, Calibration] = {}
    for number, before in _folds(fold, open_ms, horizon_ms):
        past = HeadLogits(logits.move[before], logits.up[before])
        used[number] = fit_calibration(
            past, label[before], fold[before], open_ms[before], horizon_ms
        )
        here = fold == number
        now = HeadLogits(logits.move[here], logits.up[here])
        p[here] = used[number].probabilities(now)
    return p, used


def fit_scale(logit: Floats, truth: Bools, limits: tuple[float, float]) -> float:
    """The scale within `limits` that minimises the log loss of sigmoid(scale x logit), arrays [n].

    Bisection on the slope, which rises with the scale because the loss is convex in it.
    """
    low, high = limits
    for _ in range(_HALVINGS):
        middle = 0.5 * (low + high)
        slope = float(np.mean((_sigmoid(middle * logit) - truth) * logit))
        low, high = (low, middle) if slope > 0.0 else (middle, high)
    return 0.5 * (low + high)


def _temperature_helped(
    logit: Floats, moved: Bools, fold: Ints, open_ms: Ints, horizon_ms: int
) -> bool:
    gain = 0.0
    for number, before in _folds(fold, open_ms, horizon_ms):
        if moved[before].sum() < _MIN_MOVED:
            continue
        scale = fit_scale(logit[before], moved[before], _MOVE_SCALES)
        here = fold == number
        gain += _log_loss(logit[here], moved[here]) - _log_loss(scale * logit[here], moved[here])
    return gain > 0.0


def _folds(fold: Ints, open_ms: Ints, horizon_ms: int) -> Iterator[tuple[int, Bools]]:
    for number in np.unique(fold):
        yield int(number), earlier(fold, open_ms, int(number), horizon_ms)


def _log_loss(logit: Floats, truth: Bools) -> float:
    return float(np.sum(np.logaddexp(0.0, logit) - truth * logit))


def _sigmoid(z: Floats) -> Floats:
    p: Floats = 0.5 * (1.0 + np.tanh(0.5 * z))
    return p
