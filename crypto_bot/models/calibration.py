"""Calibration of a model's probabilities, fitted on rows that the model did not see.

Temperature scaling after Guo et al., On Calibration of Modern Neural Networks (2017), fitted as one
over the temperature: the log loss is convex in that. Where the classes are a fall, no move and a
rise, the log odds of a move and of a rise among the moves are scaled each by itself. Other labels
with a direction have both: one temperature, and falls and rises weighed by the scaled score.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from crypto_bot.domain.label import Direction, LabelSpec
from crypto_bot.models.families.two_heads import HeadLogits, probabilities, sigmoid
from crypto_bot.statistics.rows import (
    Bools,
    Floats,
    Ints,
    Rows,
    direction_score,
    earlier,
    move_logit,
    side,
)
from crypto_bot.statistics.scores import softmax

_HALVINGS = 40
_SCALES = (0.25, 4.0)
_SHRINKS = (0.05, 1.0)
"""Never above 1: a direction is not made surer than it was. Never 0: the order of scores stays."""
_MIN_ROWS = 200
"""Fewer rows that moved (or fewer at all) say nothing of a scale; the model is left as it is."""
_TINY = np.finfo(np.float64).tiny


@dataclass(frozen=True, slots=True)
class Calibration:
    """`temperature` divides the log odds of a move, `shrink` multiplies the direction score.

    Where the label is not `three_way`, `temperature` divides the logs of all probabilities.
    """

    temperature: float = 1.0
    shrink: float = 1.0

    def probabilities(self, p: Floats, label: LabelSpec) -> Floats:
        """Calibrated, of a model's probabilities `p`, [n, classes] each."""
        way = label.direction
        if way is None:
            return softmax(_logs(p) / self.temperature)
        score = direction_score(p, way) * self.shrink
        if label.three_way is None:
            return _steered(softmax(_logs(p) / self.temperature), way, score)
        return probabilities(HeadLogits(move_logit(p, way) / self.temperature, score), way)


def _steered(p: Floats, way: Direction, score: Floats) -> Floats:
    """`p` [n, classes] with the direction score `score` [n]; P of a move stays what it is.

    The classes of a side keep their shares of it.
    """
    fall, rise = side(p, way.down), side(p, way.up)
    up = sigmoid(score)
    for classes, before, after in ((way.up, rise, up), (way.down, fall, 1.0 - up)):
        factor = (fall + rise) * after / np.maximum(before, _TINY)
        p[:, list(classes)] *= factor[:, None]
    return p


def fit_calibration(p: Floats, rows: Rows) -> Calibration:
    """From out-of-sample probabilities [n, classes] of `rows`, for the model that comes next.

    A temperature is kept only where, over the folds so far, one fitted on the folds before lowered
    the log loss of the fold after; else it is 1.
    """
    way, moved = rows.spec.direction, rows.moved
    if way is None:
        return Calibration(_fit_temperature(p, rows))
    if moved.sum() < _MIN_ROWS:
        return Calibration()
    shrink = fit_scale(direction_score(p, way)[moved], rows.rose[moved], _SHRINKS)
    if rows.spec.three_way is None:
        return Calibration(_fit_temperature(p, rows), shrink)
    logit = move_logit(p, way)
    if not _temperature_helped(logit, rows):
        return Calibration(shrink=shrink)
    return Calibration(1.0 / fit_scale(logit, moved, _SCALES), shrink)


def calibrate_forward(p: Floats, rows: Rows) -> tuple[Floats, dict[int, Calibration]]:
    """Of each fold the probabilities [n, classes] under what earlier folds taught, and that.

    The first fold has nothing before it and stays uncalibrated: pass the validation rows of the
    first model as a fold of their own, numbered below the test folds, and drop them afterwards.
    """
    calibrated = np.empty_like(p)
    used: dict[int, Calibration] = {}
    for number, before in _folds(rows):
        used[number] = fit_calibration(p[before], rows.where(before))
        here = rows.fold == number
        calibrated[here] = used[number].probabilities(p[here], rows.spec)
    return calibrated, used


def fit_scale(logit: Floats, truth: Bools, limits: tuple[float, float]) -> float:
    """The scale within `limits` that minimises the log loss of sigmoid(scale x logit), arrays [n].

    Bisection on the slope, which rises with the scale because the loss is convex in it.
    """
    low, high = limits
    for _ in range(_HALVINGS):
        middle = 0.5 * (low + high)
        slope = float(np.mean((sigmoid(middle * logit) - truth) * logit))
        low, high = (low, middle) if slope > 0.0 else (middle, high)
    return 0.5 * (low + high)


def _temperature_helped(logit: Floats, rows: Rows) -> bool:
    moved = rows.moved
    gain = 0.0
    for number, before in _folds(rows):
        if moved[before].sum() < _MIN_ROWS:
            continue
        scale = fit_scale(logit[before], moved[before], _SCALES)
        here = rows.fold == number
        gain += _log_loss(logit[here], moved[here]) - _log_loss(scale * logit[here], moved[here])
    return gain > 0.0


def _fit_temperature(p: Floats, rows: Rows) -> float:
    """One for the logs of all probabilities."""
    if len(rows) < _MIN_ROWS:
        return 1.0
    logs, gain = _logs(p), 0.0
    for number, before in _folds(rows):
        if before.sum() < _MIN_ROWS:
            continue
        scale = _fit_softmax_scale(logs[before], rows.label[before])
        here = rows.fold == number
        gain += _total_loss(logs[here], rows.label[here])
        gain -= _total_loss(scale * logs[here], rows.label[here])
    return 1.0 / _fit_softmax_scale(logs, rows.label) if gain > 0.0 else 1.0


def _fit_softmax_scale(logs: Floats, label: Ints) -> float:
    """As `fit_scale`, of softmax(scale x logs) [n, classes]."""
    low, high = _SCALES
    chosen = logs[np.arange(label.size), label]
    for _ in range(_HALVINGS):
        middle = 0.5 * (low + high)
        expected = np.einsum("ij,ij->i", softmax(middle * logs), logs)
        low, high = (low, middle) if float(np.mean(expected - chosen)) > 0.0 else (middle, high)
    return 0.5 * (low + high)


def _total_loss(logs: Floats, label: Ints) -> float:
    return float(-_logs(softmax(logs))[np.arange(label.size), label].sum())


def _folds(rows: Rows) -> Iterator[tuple[int, Bools]]:
    for number in np.unique(rows.fold):
        yield int(number), earlier(rows, int(number))


def _log_loss(logit: Floats, truth: Bools) -> float:
    return float(np.sum(np.logaddexp(0.0, logit) - truth * logit))


def _logs(p: Floats) -> Floats:
    logged: Floats = np.log(np.maximum(p, _TINY))
    return logged
