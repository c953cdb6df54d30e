"""The logistic family: one linear model for each head, the baseline that a network must beat."""

from __future__ import annotations

import json
from dataclasses import dataclass

import numpy as np

from crypto_bot.domain.errors import ModelIncompatible
from crypto_bot.models.families.family import Examples, Features, Files, HeadLogits, require_classes
from crypto_bot.models.memory import give_back
from crypto_bot.models.scaling import in_parts, scale_of
from crypto_bot.statistics.rows import LONG, Bools, Floats, Ints

_FILE = "logistic.json"
_TOLERANCE = 1e-5
_ITERATIONS = 300


@dataclass(frozen=True, slots=True)
class LinearHead:
    """logit = features[columns] . weights + bias; without columns the bias alone."""

    columns: Ints
    weights: Floats
    bias: float

    def logit(self, features: Features, ends: Ints) -> Floats:
        """[n] for the rows `ends` [n] of `features` [bars, k]."""
        total = np.full(ends.size, self.bias)
        # Column by column: a matrix product may round a row differently in another batch.
        told = list(zip(self.columns.tolist(), self.weights.tolist(), strict=True))
        for part in in_parts(ends.size):
            rows = features[ends[part]]
            for column, weight in told:
                total[part] += weight * rows[:, column]
        return total


@dataclass(frozen=True, slots=True)
class FittedLogistic:
    """Two linear heads."""

    move: LinearHead
    up: LinearHead

    def logits(self, features: Features, ends: Ints) -> HeadLogits:
        return HeadLogits(self.move.logit(features, ends), self.up.logit(features, ends))

    def files(self) -> dict[str, bytes]:
        heads = {
            name: {
                "columns": head.columns.tolist(),
                "weights": head.weights.tolist(),
                "bias": head.bias,
            }
            for name, head in (("move", self.move), ("up", self.up))
        }
        return {_FILE: json.dumps(heads).encode()}


@dataclass(frozen=True, slots=True)
class LogisticFamily:
    """Two-head ridge-penalised logistic regression on standardised columns.

    A head without columns learns its base rate alone.
    """

    move_columns: Ints
    up_columns: Ints
    inverse_penalty: float = 0.01

    @property
    def name(self) -> str:
        return "logistic_v1"

    def fit(self, fit: Examples, validation: Examples) -> FittedLogistic:
        require_classes((("fit", fit), ("validation", validation)))
        moved = fit.moved
        went_up = fit.labels[moved] == LONG
        fitted = FittedLogistic(
            self._head(fit, np.ones(moved.size, dtype=np.bool_), moved, self.move_columns),
            self._head(fit, moved, went_up, self.up_columns),
        )
        give_back(fit.features)
        return fitted

    def load(self, files: Files) -> FittedLogistic:
        try:
            heads = json.loads(files[_FILE])
            return FittedLogistic(_restored(heads["move"]), _restored(heads["up"]))
        except (KeyError, TypeError, ValueError) as error:
            raise ModelIncompatible(
                f"{_FILE} is missing, damaged or of another kind: train the model again"
            ) from error

    def _head(self, fit: Examples, chosen: Bools, truth: Bools, columns: Ints) -> LinearHead:
        weights = fit.weights[chosen]
        if columns.size == 0:
            rate = float(np.average(truth, weights=weights))
            return LinearHead(columns, np.empty(0), float(np.log(rate) - np.log1p(-rate)))
        ends = fit.ends[chosen]
        mean, scale = scale_of(fit.features, ends, columns)
        # Of all the coins' rows a copy in float64 is half a gigabyte.
        x = np.empty((ends.size, columns.size), np.float32)
        for part in in_parts(ends.size):
            x[part] = (fit.features[ends[part]][:, columns] - mean) / scale
        from sklearn.linear_model import LogisticRegression  # noqa: PLC0415 - fitting alone needs it

        model = LogisticRegression(
            C=self.inverse_penalty, tol=_TOLERANCE, max_iter=_ITERATIONS, solver="lbfgs"
        )
        model.fit(x, truth, sample_weight=weights)
        slopes: Floats = model.coef_[0].astype(np.float64) / scale
        return LinearHead(columns, slopes, float(model.intercept_[0] - slopes @ mean))


def _restored(told: dict[str, object]) -> LinearHead:
    columns = np.array(told["columns"], dtype=np.int64)
    weights = np.array(told["weights"], dtype=np.float64)
    if columns.shape != weights.shape or columns.ndim != 1:
        raise ValueError(f"{columns.shape} columns for {weights.shape} weights")
    return LinearHead(columns, weights, float(str(told["bias"])))
