"""What a family of models is: two heads, plain arrays in, logits out, named files of bytes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from crypto_bot.domain.errors import NotEnoughData
from crypto_bot.statistics.rows import LONG, NO_TRADE, SHORT, Bools, Floats, Ints

Features = npt.NDArray[np.float32]
Files = Mapping[str, bytes]
"""A fitted model as it is stored: file name to content."""

_NAMES = {SHORT: "SHORT", NO_TRADE: "NO_TRADE", LONG: "LONG"}


@dataclass(frozen=True, slots=True)
class Examples:
    """What a family learns from.

    `features`: [bars, k] float32, finite, the series of one coin after the other. `ends`: [n], the
    row of each example: a family that looks back reads the rows up to and including it, and the
    caller names only rows whose window crosses neither a gap nor the start of a coin. `labels`:
    [n], 0 SHORT, 1 NO_TRADE, 2 LONG. `weights`: [n], the share of an example that is not already
    told by overlapping ones (1 for all of it); never class weights.
    """

    features: Features
    ends: Ints
    labels: Ints
    weights: Floats

    @property
    def moved(self) -> Bools:
        """Examples whose label is LONG or SHORT."""
        moved: Bools = self.labels != NO_TRADE
        return moved


class HeadLogits(NamedTuple):
    """Raw logits [n] of the two questions: will it move, and up if it moves."""

    move: Floats
    up: Floats


class FittedHeads(Protocol):
    """One fitted model of a family."""

    def logits(self, features: Features, ends: Ints) -> HeadLogits:
        """Logits for the rows `ends` [n] of `features` [bars, k]; nothing after a row is read."""
        ...

    def files(self) -> dict[str, bytes]:
        """All of it. Never a pickle: what is loaded can run no code."""
        ...


class Family(Protocol):
    """A way to learn the two heads. Settings and seed are constructor arguments."""

    @property
    def name(self) -> str:
        """Goes into the model's version, such as `trees_v1`."""
        ...

    def fit(self, fit: Examples, validation: Examples) -> FittedHeads:
        """Learns from `fit`; `validation` is for early stopping alone.

        The same examples, settings and seed give the same model. Raises NotEnoughData
        where a class is missing from either, TrainingDiverged where the loss is not finite.
        """
        ...

    def load(self, files: Files) -> FittedHeads:
        """What `files()` stored, bit-equal. Raises ModelIncompatible for anything else."""
        ...


def require_classes(parts: Sequence[tuple[str, Examples]]) -> None:
    """Raises NotEnoughData, naming part and class, where a part lacks one of the labels."""
    for name, examples in parts:
        counts = np.bincount(examples.labels, minlength=3)
        missing = [_NAMES[label] for label in range(3) if counts[label] == 0]
        if missing:
            raise NotEnoughData(
                f"the {name} rows have no {' and no '.join(missing)} among {examples.labels.size}: "
                "use a longer history or another label"
            )
