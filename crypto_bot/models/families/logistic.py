"""The logistic family: linear models, the baseline that a network must beat."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from crypto_bot.domain.errors import ModelIncompatible
from crypto_bot.domain.label import LabelSpec
from crypto_bot.models.families.family import (
    NEW,
    Capabilities,
    Examples,
    Features,
    Files,
    FitOptions,
    Origin,
    require_classes,
)
from crypto_bot.models.families.two_heads import (
    CLASSES,
    MOVE,
    UP,
    HeadLogits,
    moved,
    newest_row_reads,
    probabilities,
    rose,
)
from crypto_bot.models.memory import give_back
from crypto_bot.models.scaling import in_parts, scale_of
from crypto_bot.models.spec import ModelSpec
from crypto_bot.statistics.rows import Floats, Ints
from crypto_bot.statistics.scores import softmax

_FILE = "logistic.json"
_TOLERANCE = 1e-5
_ITERATIONS = 300
_SECONDS_A_ROW = 2e-5


@dataclass(frozen=True, slots=True)
class LinearPart:
    """scores = features[columns] . weights + bias; without columns the bias alone.

    `weights` [columns, outputs], `bias` [outputs].
    """

    columns: Ints
    weights: Floats
    bias: Floats

    def scores(self, features: Features, ends: Ints) -> Floats:
        """[n, outputs] for the rows `ends` [n] of `features` [bars, k]."""
        total = np.tile(self.bias, (ends.size, 1))
        # Column by column: a matrix product may round a row differently in another batch.
        for part in in_parts(ends.size):
            rows = features[ends[part]]
            for column, weights in zip(self.columns.tolist(), self.weights.tolist(), strict=True):
                for output, weight in enumerate(weights):
                    total[part, output] += weight * rows[:, column]
        return total

    def as_json(self) -> dict[str, Any]:
        """Plain values; of a single output they are numbers and not lists of one."""
        weights, bias = self.weights.tolist(), self.bias.tolist()
        if len(bias) == 1:
            weights, bias = [weight for (weight,) in weights], bias[0]
        return {"columns": self.columns.tolist(), "weights": weights, "bias": bias}


@dataclass(frozen=True, slots=True, weakref_slot=True)
class FittedLogistic:
    """Two linear heads where the label is `three_way`, else one output for each class."""

    label: LabelSpec
    parts: Mapping[str, LinearPart]

    @property
    def curves(self) -> Mapping[str, tuple[float, ...]]:
        """None: there are no epochs."""
        return {}

    def predict_proba(self, features: Features, ends: Ints) -> Floats:
        scores = {name: part.scores(features, ends) for name, part in self.parts.items()}
        if self.label.three_way is not None:
            logits = HeadLogits(scores[MOVE][:, 0], scores[UP][:, 0])
            return probabilities(logits, self.label.three_way)
        return softmax(scores[CLASSES])

    def files(self) -> dict[str, bytes]:
        held = {name: part.as_json() for name, part in self.parts.items()}
        return {_FILE: json.dumps(held).encode()}


@dataclass(frozen=True, slots=True)
class LogisticSettings:
    """`inverse_penalty`: of the ridge, as scikit-learn's C."""

    inverse_penalty: float = 0.01


@dataclass(frozen=True, slots=True)
class LogisticFamily:
    """Ridge-penalised logistic regression on standardised columns.

    Two binary heads where the label is `three_way`, one multinomial model elsewhere. A head
    without columns learns its base rate alone.
    """

    spec: ModelSpec
    settings: LogisticSettings = LogisticSettings()
    seed: int = 0

    capabilities: ClassVar[Capabilities] = Capabilities(exports=("onnx",))
    overlapping: ClassVar[bool] = False  # overlapping rows would only make it slower

    reads = staticmethod(newest_row_reads)

    @staticmethod
    def settings_for(options: FitOptions, *, fine_tuning: bool = False) -> LogisticSettings:
        del options, fine_tuning
        return LogisticSettings()

    def fit(self, fit: Examples, validation: Examples, origin: Origin = NEW) -> FittedLogistic:
        del origin  # done before a checkpoint would pay
        label = self.spec.label
        require_classes(label, (("fit", fit), ("validation", validation)))
        way = label.three_way
        if way is None:
            parts = {CLASSES: self._part(CLASSES, fit, fit.labels)}
        else:
            moves = moved(fit, way)
            parts = {
                MOVE: self._part(MOVE, fit, moves),
                UP: self._part(UP, fit.where(moves), rose(fit, way)[moves]),
            }
        give_back(fit.features)
        return FittedLogistic(label, parts)

    def load(self, files: Files) -> FittedLogistic:
        direction = self.spec.label.three_way is not None
        outputs = 1 if direction else len(self.spec.label.classes)
        names = (MOVE, UP) if direction else (CLASSES,)
        try:
            held = json.loads(files[_FILE])
            parts = {name: _restored(held[name], outputs) for name in names}
        except (KeyError, TypeError, ValueError) as error:
            raise ModelIncompatible(
                f"{_FILE} is missing, damaged or of another kind: train the model again"
            ) from error
        return FittedLogistic(self.spec.label, parts)

    def seconds(self, rows: int, separate: float) -> float:
        return _SECONDS_A_ROW * min(rows, separate)

    def _part(self, name: str, fit: Examples, truth: npt.NDArray[Any]) -> LinearPart:
        columns = self.spec.places(name)
        if columns.size == 0:
            rate = float(np.average(truth, weights=fit.weights))
            odds = float(np.log(rate) - np.log1p(-rate))
            return LinearPart(columns, np.empty((0, 1)), np.array([odds]))
        mean, scale = scale_of(fit.features, fit.ends, columns)
        # Of all the coins' rows a copy in float64 is half a gigabyte.
        x = np.empty((fit.ends.size, columns.size), np.float32)
        for part in in_parts(fit.ends.size):
            x[part] = (fit.features[fit.ends[part]][:, columns] - mean) / scale
        from sklearn.linear_model import LogisticRegression  # noqa: PLC0415 - fitting alone needs it

        model = LogisticRegression(
            C=self.settings.inverse_penalty, tol=_TOLERANCE, max_iter=_ITERATIONS, solver="lbfgs"
        )
        model.fit(x, truth, sample_weight=fit.weights)
        slopes: Floats = model.coef_.astype(np.float64) / scale
        bias = np.array([at - row @ mean for at, row in zip(model.intercept_, slopes, strict=True)])
        if name == CLASSES and bias.size == 1:  # of two classes only the second has an output
            slopes, bias = np.vstack([np.zeros_like(slopes), slopes]), np.append(0.0, bias)
        return LinearPart(columns, slopes.T, bias)


def _restored(held: Mapping[str, Any], outputs: int) -> LinearPart:
    columns = np.array(held["columns"], dtype=np.int64)
    weights = np.array(held["weights"], dtype=np.float64).reshape(columns.size, outputs)
    bias = np.array(held["bias"], dtype=np.float64).reshape(outputs)
    if columns.ndim != 1:
        raise ValueError("columns are no list")
    return LinearPart(columns, weights, bias)
