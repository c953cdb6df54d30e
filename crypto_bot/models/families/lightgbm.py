"""The LightGBM family: boosted trees, stored as text."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import numpy.typing as npt

from crypto_bot.domain.errors import ModelIncompatible
from crypto_bot.domain.label import LabelSpec
from crypto_bot.models.families.explained import of_boosters
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
from crypto_bot.models.lean_import import import_lean
from crypto_bot.models.memory import give_back
from crypto_bot.models.scaling import in_parts
from crypto_bot.models.spec import ModelSpec
from crypto_bot.statistics.rows import Floats, Ints
from crypto_bot.statistics.scores import softmax

if TYPE_CHECKING:
    import lightgbm as lgb

Truth = npt.NDArray[Any]
_ROWS_AT_ONCE = 50_000
_SECONDS_A_ROW = 2.7e-7
"""Of a row and a round; measured on 92 columns, one thread of an AMD EPYC."""
_LEFT_OUT = frozenset({"matplotlib", "pandas", "pyarrow", "sklearn"})
"""LightGBM would load them to accept their tables, which takes 120 MB; it is given arrays here."""
_MOVED = 0.5
"""Share of the rows that the direction head learns from."""


@dataclass(frozen=True, slots=True)
class LightGbmSettings:
    """Budgets and sizes.

    The move head, or the model of all classes, stops early on validation, at `move_rounds` at the
    latest. The direction head has a fixed budget: thirty days are too few to see its gain, and
    early stopping on them ends after two trees. `min_rows_in_leaf` counts rows that do not overlap:
    a row of weight 1/4 is a quarter of one.
    """

    move_rounds: int = 600
    move_patience: int = 40
    up_rounds: int = 150
    learning_rate: float = 0.03
    leaves: int = 31
    min_rows_in_leaf: int = 400
    row_share: float = 0.7
    feature_share: float = 0.5
    threads: int = 1


@dataclass(frozen=True, slots=True, weakref_slot=True)
class FittedLightGbm:
    """Two boosters where the label is `three_way`, else one; each with the columns it reads."""

    label: LabelSpec
    parts: Mapping[str, tuple[lgb.Booster, Ints]]

    @property
    def curves(self) -> Mapping[str, tuple[float, ...]]:
        """None: there are no epochs."""
        return {}

    def predict_proba(self, features: Features, ends: Ints) -> Floats:
        scores = {
            name: _raw(booster, features, ends, columns)
            for name, (booster, columns) in self.parts.items()
        }
        if self.label.three_way is not None:
            return probabilities(HeadLogits(scores[MOVE], scores[UP]), self.label.three_way)
        raw = scores[CLASSES]
        if raw.ndim == 1:  # of two classes only the second has a score
            raw = np.column_stack([np.zeros_like(raw), raw])
        return softmax(raw)

    def importance(self, features: Features, ends: Ints) -> dict[str, Floats]:
        return of_boosters(self.parts.values(), features, ends)

    def files(self) -> dict[str, bytes]:
        return {f"trees_{name}.txt": _packed(*part) for name, part in self.parts.items()}


@dataclass(frozen=True, slots=True)
class LightGbmFamily:
    """LightGBM on the newest row of each window; two heads where the label is `three_way`.

    Deterministic for one seed and number of threads on one machine; no class weights.
    """

    spec: ModelSpec
    settings: LightGbmSettings = LightGbmSettings()
    seed: int = 0

    capabilities: ClassVar[Capabilities] = Capabilities(exports=("onnx",))
    overlapping: ClassVar[bool] = True

    reads = staticmethod(newest_row_reads)

    @staticmethod
    def settings_for(options: FitOptions, *, fine_tuning: bool = False) -> LightGbmSettings:
        del options, fine_tuning
        return LightGbmSettings()

    def fit(self, fit: Examples, validation: Examples, origin: Origin = NEW) -> FittedLightGbm:
        del origin  # done before a checkpoint would pay
        label = self.spec.label
        require_classes(label, (("fit", fit), ("validation", validation)))
        way = label.three_way
        if way is None:
            whole = (fit, fit.labels), (validation, validation.labels)
            return FittedLightGbm(label, {CLASSES: self._grown(CLASSES, *whole)})
        moves = moved(fit, way)
        move = self._grown(MOVE, (fit, moves), (validation, moved(validation, way)))
        up = self._grown(UP, (fit.where(moves), rose(fit, way)[moves]))
        return FittedLightGbm(label, {MOVE: move, UP: up})

    def load(self, files: Files) -> FittedLightGbm:
        parts = {}
        for part in (CLASSES,) if self.spec.label.three_way is None else (MOVE, UP):
            name = f"trees_{part}.txt"
            if name not in files:
                raise ModelIncompatible(f"{name} is missing: train the model again")
            parts[part] = _unpacked(name, files[name])
        return FittedLightGbm(self.spec.label, parts)

    def seconds(self, rows: int, separate: float) -> float:
        del separate
        rounds = self.settings.move_rounds + _MOVED * self.settings.up_rounds
        return rows * rounds * _SECONDS_A_ROW

    def _grown(
        self,
        part: str,
        fit: tuple[Examples, Truth],
        stopped_by: tuple[Examples, Truth] | None = None,
    ) -> tuple[lgb.Booster, Ints]:
        """Stopped early by examples to validate on, or of the fixed budget without them."""
        import_lean("lightgbm", _LEFT_OUT)
        import lightgbm as lgb  # noqa: PLC0415 - only this family needs it

        s, columns = self.settings, self.spec.places(part)
        parameters = self._parameters(part, fit[0])
        train = _dataset(*fit, columns, parameters)
        if stopped_by is None:
            return _trimmed(lgb.train(parameters, train, num_boost_round=s.up_rounds)), columns
        grown = lgb.train(
            parameters,
            train,
            num_boost_round=s.move_rounds,
            valid_sets=[_beside(*stopped_by, columns, train)],
            callbacks=[lgb.early_stopping(s.move_patience, verbose=False)],
        )
        return _trimmed(grown), columns

    def _parameters(self, part: str, fit: Examples) -> dict[str, object]:
        s = self.settings
        least = max(1, round(s.min_rows_in_leaf / float(fit.weights.mean())))
        return {
            **self._objective(part),
            "learning_rate": s.learning_rate,
            "num_leaves": s.leaves,
            "min_data_in_leaf": least,
            "bagging_fraction": s.row_share,
            "bagging_freq": 1,
            "feature_fraction": s.feature_share,
            "num_threads": s.threads,
            "seed": self.seed,
            "deterministic": True,
            # Half of its own choice, and its least: of so many rows it makes two copies.
            "bin_construct_sample_cnt": 100_000,
            # The same trees as row-wise, in two thirds of the memory and 1.25 times the time.
            "force_col_wise": True,
            "verbosity": -1,
        }

    def _objective(self, part: str) -> dict[str, object]:
        classes = len(self.spec.label.classes)
        if part != CLASSES or classes == 2:
            return {"objective": "binary"}
        return {"objective": "multiclass", "num_class": classes}


def _dataset(
    examples: Examples, truth: Truth, columns: Ints, parameters: dict[str, object]
) -> lgb.Dataset:
    """Rows to learn from, put into bins."""
    import lightgbm as lgb  # noqa: PLC0415 - as above

    binned = lgb.Dataset(
        _rows(examples, columns),
        label=truth.astype(np.float32),
        weight=examples.weights.astype(np.float32),
        params=parameters,
    ).construct()
    give_back(examples.features)
    return binned


def _beside(examples: Examples, truth: Truth, columns: Ints, reference: lgb.Dataset) -> lgb.Dataset:
    """Rows to stop by, in the bins of `reference`."""
    import lightgbm as lgb  # noqa: PLC0415 - as above

    # Not in batches: LightGBM drops weights that are all 1, is then left with weights of 0 for
    # what came in batches, and every loss on it is NaN.
    return lgb.Dataset(
        _rows(examples, columns)[:],
        label=truth.astype(np.float32),
        weight=examples.weights.astype(np.float32),
        reference=reference,
    )


def _rows(examples: Examples, columns: Ints) -> lgb.Sequence:
    """The rows of `examples`, handed over in batches: a copy of all coins' takes a gigabyte."""
    import lightgbm as lgb  # noqa: PLC0415 - as above

    features = np.asarray(examples.features)  # of a mapped array, every row would be one more

    class Rows(lgb.Sequence):
        batch_size = _ROWS_AT_ONCE

        def __getitem__(self, chosen: int | slice | list[int]) -> npt.NDArray[np.float64]:
            ends = examples.ends[chosen]
            if isinstance(chosen, int | np.integer):
                return features[ends, columns].astype(np.float64)
            return features[np.ix_(ends, columns)].astype(np.float64)

        def __len__(self) -> int:
            return int(examples.ends.size)

    return Rows()


def _raw(booster: lgb.Booster, features: Features, ends: Ints, columns: Ints) -> Floats:
    outputs = booster.num_model_per_iteration()
    scores = np.empty(ends.size if outputs == 1 else (ends.size, outputs))
    for part in in_parts(ends.size):
        scores[part] = booster.predict(
            features[np.ix_(ends[part], columns)], raw_score=True, num_threads=1
        )
    return scores


def _trimmed(booster: lgb.Booster) -> lgb.Booster:
    """What a stored and loaded model would be: without the trees after the best round."""
    import lightgbm as lgb  # noqa: PLC0415 - as above

    text = booster.model_to_string(num_iteration=booster.best_iteration or -1)
    return lgb.Booster(model_str=text)


def _packed(booster: lgb.Booster, columns: Ints) -> bytes:
    body = f"columns={','.join(map(str, columns.tolist()))}\n{booster.model_to_string()}".encode()
    return f"sha256={hashlib.sha256(body).hexdigest()}\n".encode() + body


def _unpacked(name: str, content: bytes) -> tuple[lgb.Booster, Ints]:
    import_lean("lightgbm", _LEFT_OUT)
    import lightgbm as lgb  # noqa: PLC0415 - as above

    # LightGBM ends the process on a damaged text, so nothing is given to it that is not whole.
    seal, _, body = content.partition(b"\n")
    if seal != f"sha256={hashlib.sha256(body).hexdigest()}".encode():
        raise ModelIncompatible(f"{name} is damaged or of another kind: train the model again")
    columns, _, text = body.partition(b"\n")
    numbers = columns.removeprefix(b"columns=").split(b",")
    return lgb.Booster(model_str=text.decode()), np.array([int(n) for n in numbers], dtype=np.int64)
