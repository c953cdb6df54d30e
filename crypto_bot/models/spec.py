"""What a model reads and what it predicts: all that is needed to build its family again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from crypto_bot.domain.label import LabelSpec
from crypto_bot.statistics.rows import Ints

Reads = Mapping[str, tuple[str, ...]]
"""Names of the columns that each part of a model reads, by the part's name."""


@dataclass(frozen=True, slots=True)
class ModelSpec:
    """A model without its weights.

    `family` (such as `cnn_lstm_v1`) is a name known to `families.registered`, `size` one known to
    the family. `columns` are all the columns of the feature set in order, `reads` those that each
    part of the model reads. One prediction reads the newest `window_bars` rows of features.
    """

    family: str
    size: str
    timeframe: str
    features: str
    schema_hash: str
    columns: tuple[str, ...]
    reads: Reads
    window_bars: int
    label: LabelSpec

    def places(self, part: str) -> Ints:
        """Indices among `columns` of those that `part` reads."""
        place = {name: number for number, name in enumerate(self.columns)}
        return np.array([place[name] for name in self.reads[part]], dtype=np.int64)


class Scaler(NamedTuple):
    """Mean and scale of each column of the feature set over the fit rows.

    A network holds a copy among its weights and is fed raw features; it is served where the two
    are the same.
    """

    mean: tuple[float, ...]
    scale: tuple[float, ...]
