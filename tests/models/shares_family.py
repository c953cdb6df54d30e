"""A family in one file: the shares of the classes, below and above the median of one column."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np

from crypto_bot.domain.errors import ModelIncompatible
from crypto_bot.domain.label import LabelSpec
from crypto_bot.features.sets import FeatureSet
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
from crypto_bot.models.spec import ModelSpec, Reads
from crypto_bot.statistics.rows import Floats, Ints

_FILE = "shares.json"


@dataclass(frozen=True)
class Shares:
    """P [2, classes] on either side of `median`."""

    column: int
    median: float
    p: Floats
    curves: Mapping[str, tuple[float, ...]] = field(default_factory=dict)

    def predict_proba(self, features: Features, ends: Ints) -> Floats:
        side = features[ends, self.column] > self.median
        p: Floats = self.p[side.astype(np.int64)]
        return p

    def files(self) -> dict[str, bytes]:
        held = {"column": self.column, "median": self.median, "p": self.p.tolist()}
        return {_FILE: json.dumps(held).encode()}


@dataclass(frozen=True)
class SharesFamily:
    """Learns one table."""

    spec: ModelSpec
    settings: None = None
    seed: int = 0

    capabilities: ClassVar[Capabilities] = Capabilities()
    overlapping: ClassVar[bool] = True

    @staticmethod
    def reads(features: FeatureSet, label: LabelSpec, settings: None) -> Reads:
        return {"side": features.columns[:1]}

    @staticmethod
    def settings_for(options: FitOptions, *, fine_tuning: bool = False) -> None:
        return None

    def fit(self, fit: Examples, validation: Examples, origin: Origin = NEW) -> Shares:
        require_classes(self.spec.label, (("fit", fit),))
        column = int(self.spec.places("side")[0])
        values = fit.features[fit.ends, column]
        median, classes = float(np.median(values)), len(self.spec.label.classes)
        sides = (fit.labels[values <= median], fit.labels[values > median])
        counts = np.array([np.bincount(side, minlength=classes) + 1.0 for side in sides])
        return Shares(column, median, counts / counts.sum(axis=1, keepdims=True))

    def load(self, files: Files) -> Shares:
        try:
            held = json.loads(files[_FILE])
            return Shares(held["column"], held["median"], np.array(held["p"]))
        except (KeyError, ValueError) as error:
            raise ModelIncompatible(f"{_FILE} is damaged") from error

    def seconds(self, rows: int, separate: float) -> float:
        return 1e-8 * rows
