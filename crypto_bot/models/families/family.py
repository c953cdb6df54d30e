"""What a family of models is: fit on a table of columns and labels, then predict probabilities."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, NamedTuple, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from crypto_bot.domain.errors import CryptoBotError, NotEnoughData
from crypto_bot.domain.label import LabelSpec
from crypto_bot.features.sets import FeatureSet
from crypto_bot.models.checkpoint_store import UNSAVED, CheckpointStore
from crypto_bot.models.spec import ModelSpec, Reads, Scaler
from crypto_bot.statistics.rows import Bools, Floats, Ints

Features = npt.NDArray[np.float32]
Files = Mapping[str, bytes]
"""A fitted model as it is stored: file name to content."""


@dataclass(frozen=True, slots=True)
class Examples:
    """What a family learns from.

    `features`: [bars, k] float32, finite, the series of one coin after the other. `ends`: [n], the
    row of each example: a family that looks back reads the rows up to and including it, and the
    caller names only rows whose window crosses neither a gap nor the start of a coin. `labels`:
    [n], indices of the classes of the label. `weights`: [n], the share of an example that
    overlapping ones do not already hold (1 for all of it); never class weights.
    """

    features: Features
    ends: Ints
    labels: Ints
    weights: Floats

    def where(self, chosen: Bools) -> Examples:
        """The examples where `chosen` [n] is true."""
        return Examples(self.features, self.ends[chosen], self.labels[chosen], self.weights[chosen])

    def apart(self, bars: int) -> Examples:
        """Of the examples those that are at least so many rows apart, each in full.

        Labels of rows that are a horizon apart do not overlap.
        """
        chosen = np.zeros(self.ends.size, np.bool_)
        last = -bars
        for number, end in enumerate(self.ends.tolist()):
            if end - last >= bars or end < last:
                chosen[number], last = True, end
        kept = self.where(chosen)
        return replace(kept, weights=np.ones(kept.ends.size))


class Model(Protocol):
    """A model that can be asked."""

    def predict_proba(self, features: Features, ends: Ints) -> Floats:
        """P of each class of the label, [n, classes], for the rows `ends` [n] of `features`.

        Uncalibrated. `features` is [bars, k]; nothing after a row is read. Each row sums to 1
        within rounding.
        """
        ...


@runtime_checkable
class Scaled(Protocol):
    """A model that scales its columns by numbers among its weights."""

    def is_scaled_by(self, scaler: Scaler) -> bool:
        """Whether these are the numbers that `scaler` has for its columns, as float32."""
        ...


class FittedModel(Model, Protocol):
    """A model that has just been fitted."""

    @property
    def curves(self) -> Mapping[str, tuple[float, ...]]:
        """Loss in nats by epoch, by name; empty where there are no epochs."""
        ...

    def files(self) -> dict[str, bytes]:
        """All of it. Never a pickle: what is loaded can run no code."""
        ...


@dataclass(frozen=True, slots=True)
class FitOptions:
    """How long and how fast to fit, as a user asks for it; a family may leave any of it unread.

    `epochs` at most, `batch_size` windows in a step, the highest `learning_rate`.
    """

    epochs: int = 50
    batch_size: int = 512
    learning_rate: float = 1e-3
    device: str = "auto"


class Origin(NamedTuple):
    """What a fit begins with.

    `start`: files of a model that it starts from, given only where the family's capabilities say
    so. `checkpoints`: where it saves its own, and resumes from them.
    """

    start: Files | None = None
    checkpoints: CheckpointStore = UNSAVED


NEW = Origin()
"""A fit from nothing that saves no checkpoints."""


class StackedFit(NamedTuple):
    """One fit among those that are done together; as `Family.fit` takes it."""

    family: Family
    fit: Examples
    validation: Examples
    origin: Origin = NEW

    def alone(self) -> FittedModel:
        """Its model, fitted by itself; raises as `Family.fit` does."""
        return self.family.fit(self.fit, self.validation, self.origin)


class Stack(Protocol):
    """Models of one spec that answer together, one for each coin."""

    def prepare(self, before: Features) -> None:
        """Takes all rows of the windows but the newest: [models, window_bars - 1, columns]."""
        ...

    def predict_proba(self, newest: Features) -> Floats:
        """[models, classes], as each model would answer, from the newest rows [models, columns]."""
        ...


class Stacking(Protocol):
    """Many models of a family as one computation."""

    def fit(
        self, fits: Sequence[StackedFit]
    ) -> Generator[None, None, list[FittedModel | CryptoBotError]]:
        """Fits all of them; pauses after every epoch. Each one's model or error, in order.

        They share spec, settings and seed, and read one table of features.
        """
        ...

    def serve(self, models: Sequence[Model], device: str) -> Stack:
        """A stack of loaded models that share a spec; `device` is `auto`, `cpu` or `cuda`."""
        ...


class Capabilities(NamedTuple):
    """What a family can do beside fitting and predicting.

    `resumes`: a killed fit resumes from its checkpoint store with the same bits.
    `starts_from_model`: it can be fine-tuned, a fit starting from the files of another model.
    `stacks`: how many models become one computation; None where they do not. `exports`: names of
    the formats that a model can be exported to. `updates`: it learns from new rows one by one.
    `unread`: files that are for people alone, which `load` does without.
    """

    resumes: bool = False
    starts_from_model: bool = False
    stacks: Stacking | None = None
    exports: tuple[str, ...] = ()
    updates: bool = False
    unread: tuple[str, ...] = ()

    @property
    def words(self) -> str:
        """Such as `resumes a killed fit, is stacked`; `fits and predicts` without any."""
        every = (
            ("resumes a killed fit", self.resumes),
            ("starts from another model", self.starts_from_model),
            ("is stacked", self.stacks is not None),
            (f"exports to {', '.join(self.exports)}", self.exports),
            ("updates row by row", self.updates),
        )
        return ", ".join(words for words, holds in every if holds) or "fits and predicts"


class Family(Protocol):
    """A way to learn one spec, with its settings and seed.

    `overlapping`: whether it learns from all rows, weighted, or only from those whose labels do
    not overlap. Constructing it raises ConfigError where it cannot do the spec's label, size or
    window.
    """

    capabilities: ClassVar[Capabilities]
    overlapping: ClassVar[bool]

    def __init__(self, spec: ModelSpec, settings: Any, seed: int = 0) -> None: ...

    @staticmethod
    def reads(features: FeatureSet, label: LabelSpec, settings: Any) -> Reads:
        """The columns of a feature set that each part of a model with `settings` would read."""
        ...

    @staticmethod
    def settings_for(options: FitOptions, *, fine_tuning: bool = False) -> Any:
        """The family's own settings: a frozen dataclass of plain values. Raises ConfigError."""
        ...

    def fit(self, fit: Examples, validation: Examples, origin: Origin = NEW) -> FittedModel:
        """Learns from `fit`; `validation` is for when to stop and how to weigh members alone.

        The same examples, settings and seed give the same model. Raises NotEnoughData where a
        class is missing from either, TrainingDiverged where the loss is not finite.
        """
        ...

    def load(self, files: Files) -> Model:
        """What `files()` stored, bit-equal. Raises ModelIncompatible for anything else."""
        ...

    def seconds(self, rows: int, separate: float) -> float:
        """About how long one thread fits on `rows` rows, of which `separate` do not overlap."""
        ...


def require_classes(label: LabelSpec, parts: Sequence[tuple[str, Examples]]) -> None:
    """Raises NotEnoughData, naming part and class, where a part lacks one of the classes."""
    for name, examples in parts:
        counts = np.bincount(examples.labels, minlength=len(label.classes))
        missing = [kind for kind, n in zip(label.classes, counts, strict=True) if n == 0]
        if missing:
            raise NotEnoughData(
                f"the {name} rows have no {' and no '.join(missing)} among {examples.labels.size}: "
                "use a longer history or another label"
            )
