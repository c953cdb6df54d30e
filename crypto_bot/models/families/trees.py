"""The tree family: two LightGBM heads, stored as text."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from crypto_bot.domain.errors import ModelIncompatible
from crypto_bot.models.families.family import Examples, Features, Files, HeadLogits, require_classes
from crypto_bot.models.memory import give_back
from crypto_bot.models.scaling import in_parts
from crypto_bot.statistics.rows import LONG, Bools, Floats, Ints

if TYPE_CHECKING:
    import lightgbm as lgb

_HEADS = ("move", "up")
_ROWS_AT_ONCE = 50_000


@dataclass(frozen=True, slots=True)
class TreeSettings:
    """Budgets and sizes.

    The move head stops early on validation, at `move_rounds` at the latest. The direction
    head has a fixed budget: thirty days are too few to see its gain, and early stopping on them
    ends after two trees. `min_rows_in_leaf` counts rows that do not overlap: a row of weight 1/4 is
    a quarter of one.
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


@dataclass(frozen=True, slots=True)
class FittedTrees:
    """Two boosters and the columns each of them reads."""

    move: lgb.Booster
    up: lgb.Booster
    move_columns: Ints
    up_columns: Ints

    def logits(self, features: Features, ends: Ints) -> HeadLogits:
        return HeadLogits(
            _raw(self.move, features, ends, self.move_columns),
            _raw(self.up, features, ends, self.up_columns),
        )

    def files(self) -> dict[str, bytes]:
        return {
            f"trees_{head}.txt": _packed(booster, columns)
            for head, booster, columns in (
                ("move", self.move, self.move_columns),
                ("up", self.up, self.up_columns),
            )
        }


@dataclass(frozen=True, slots=True)
class TreeFamily:
    """Two-head LightGBM on the newest row of each window; each head reads its own columns.

    Deterministic for one seed and number of threads on one machine; no class weights.
    """

    move_columns: Ints
    up_columns: Ints
    seed: int = 0
    settings: TreeSettings = TreeSettings()

    @property
    def name(self) -> str:
        return "trees_v1"

    def fit(self, fit: Examples, validation: Examples) -> FittedTrees:
        require_classes((("fit", fit), ("validation", validation)))
        move = self._move(fit, validation)
        up = self._up(_only(fit, fit.moved))
        return FittedTrees(move, up, self.move_columns, self.up_columns)

    def load(self, files: Files) -> FittedTrees:
        parts = []
        for head in _HEADS:
            name = f"trees_{head}.txt"
            if name not in files:
                raise ModelIncompatible(f"{name} is missing: train the model again")
            parts.append(_unpacked(name, files[name]))
        (move, move_columns), (up, up_columns) = parts
        return FittedTrees(move, up, move_columns, up_columns)

    def _move(self, fit: Examples, validation: Examples) -> lgb.Booster:
        import lightgbm as lgb  # noqa: PLC0415 - only trees need it

        s, parameters = self.settings, self._parameters(fit)
        train = _dataset(fit, fit.moved, self.move_columns, parameters)
        grown = lgb.train(
            parameters,
            train,
            num_boost_round=s.move_rounds,
            valid_sets=[_beside(validation, validation.moved, self.move_columns, train)],
            callbacks=[lgb.early_stopping(s.move_patience, verbose=False)],
        )
        return _trimmed(grown)

    def _up(self, moved: Examples) -> lgb.Booster:
        import lightgbm as lgb  # noqa: PLC0415 - as above

        parameters = self._parameters(moved)
        train = _dataset(moved, moved.labels == LONG, self.up_columns, parameters)
        return _trimmed(lgb.train(parameters, train, num_boost_round=self.settings.up_rounds))

    def _parameters(self, fit: Examples) -> dict[str, object]:
        s = self.settings
        least = max(1, round(s.min_rows_in_leaf / float(fit.weights.mean())))
        return {
            "objective": "binary",
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


def _only(examples: Examples, chosen: Bools) -> Examples:
    return Examples(
        examples.features,
        examples.ends[chosen],
        examples.labels[chosen],
        examples.weights[chosen],
    )


def _dataset(
    examples: Examples, truth: Bools, columns: Ints, parameters: dict[str, object]
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


def _beside(examples: Examples, truth: Bools, columns: Ints, reference: lgb.Dataset) -> lgb.Dataset:
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
    told = np.empty(ends.size)
    for part in in_parts(ends.size):
        told[part] = booster.predict(
            features[np.ix_(ends[part], columns)], raw_score=True, num_threads=1
        )
    return told


def _text(booster: lgb.Booster) -> str:
    return booster.model_to_string(num_iteration=booster.best_iteration or -1)


def _trimmed(booster: lgb.Booster) -> lgb.Booster:
    """What a stored and loaded model would be: without the trees after the best round."""
    import lightgbm as lgb  # noqa: PLC0415 - as above

    return lgb.Booster(model_str=_text(booster))


def _packed(booster: lgb.Booster, columns: Ints) -> bytes:
    body = f"columns={','.join(map(str, columns.tolist()))}\n{_text(booster)}".encode()
    return f"sha256={hashlib.sha256(body).hexdigest()}\n".encode() + body


def _unpacked(name: str, content: bytes) -> tuple[lgb.Booster, Ints]:
    import lightgbm as lgb  # noqa: PLC0415 - as above

    # LightGBM ends the process on a damaged text, so nothing is given to it that is not whole.
    seal, _, body = content.partition(b"\n")
    if seal != f"sha256={hashlib.sha256(body).hexdigest()}".encode():
        raise ModelIncompatible(f"{name} is damaged or of another kind: train the model again")
    columns, _, text = body.partition(b"\n")
    numbers = columns.removeprefix(b"columns=").split(b",")
    return lgb.Booster(model_str=text.decode()), np.array([int(n) for n in numbers], dtype=np.int64)
