"""The CNN-LSTM family: what `families.registered` knows of it."""

from __future__ import annotations

import time
from collections.abc import Generator, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from typing import ClassVar, cast

import numpy as np
import torch

from crypto_bot.domain.errors import ConfigError, CryptoBotError, ModelIncompatible
from crypto_bot.domain.label import Direction, LabelSpec
from crypto_bot.domain.timeframe import Timeframe
from crypto_bot.features.sets import FeatureSet
from crypto_bot.models.device import chosen_device
from crypto_bot.models.families.cnn_lstm.fit import (
    BEST_FILE,
    FILE,
    FittedNet,
    NetFit,
    NetModel,
    NetSettings,
    fit_alone,
    fit_together,
)
from crypto_bot.models.families.cnn_lstm.net import Architecture, CnnLstmNet
from crypto_bot.models.families.cnn_lstm.season import SEASON, Seasonal
from crypto_bot.models.families.cnn_lstm.stacked import NetStack
from crypto_bot.models.families.family import (
    NEW,
    Capabilities,
    Examples,
    Files,
    FitOptions,
    FittedModel,
    Model,
    Origin,
    Stack,
    StackedFit,
)
from crypto_bot.models.families.nets.weights import restore
from crypto_bot.models.families.two_heads import MOVE, UP, reads_of
from crypto_bot.models.spec import ModelSpec, Reads

_TUNING_RATE = 0.2
"""Learning rate of fine-tuning, as a share of that of the first fit."""
_TUNING_EPOCHS, _TUNING_UP_EPOCHS = 3, 1
_MOVED = 0.5
"""Share of the rows that the direction head learns from."""
_PROBE_ROWS, _PROBE_STEPS = 20_000, 12


class NetStacking:
    """Networks of many coins as one computation."""

    def fit(
        self, fits: Sequence[StackedFit]
    ) -> Generator[None, None, list[FittedModel | CryptoBotError]]:
        """As `Stacking.fit`."""
        asked = [
            cast("CnnLstm", family).net_fit(fit, validation, origin)
            for family, fit, validation, origin in fits
        ]
        found = yield from fit_together(asked)
        return [*found]

    def serve(self, models: Sequence[Model], device: str) -> Stack:
        """As `Stacking.serve`."""
        return NetStack([cast("NetModel", model) for model in models], chosen_device(device))


@dataclass(frozen=True, slots=True)
class CnnLstm:
    """The CNN-LSTM family, for labels that are `three_way`.

    The same seed, device and number of threads give the same bits, also where a fit was
    killed and resumes from its checkpoint. Classes have no weights. Too little memory on the GPU
    halves the batch, once; `fit` raises TrainingError where even that does not fit.
    """

    spec: ModelSpec
    settings: NetSettings = field(default_factory=NetSettings)
    seed: int = 0

    capabilities: ClassVar[Capabilities] = Capabilities(
        resumes=True,
        starts_from_model=True,
        stacks=NetStacking(),
        exports=("onnx", "tflite"),
        unread=(BEST_FILE,),
    )
    overlapping: ClassVar[bool] = True

    def __post_init__(self) -> None:
        _ = self.direction, self.architecture

    @staticmethod
    def reads(features: FeatureSet, label: LabelSpec, settings: NetSettings) -> Reads:
        del label, settings
        seasonal = {SEASON: features.seasonal} if features.seasonal else {}
        return {**reads_of(features.columns_for("network")), **seasonal}

    @staticmethod
    def settings_for(options: FitOptions, *, fine_tuning: bool = False) -> NetSettings:
        chosen_device(options.device)
        whole = NetSettings(
            epochs=min(options.epochs, NetSettings().epochs),
            up_epochs=min(options.epochs, NetSettings().up_epochs),
            batch_size=options.batch_size,
            learning_rate=options.learning_rate,
            device=options.device,
        )
        if not fine_tuning:
            return whole
        return replace(
            whole,
            learning_rate=whole.learning_rate * _TUNING_RATE,
            epochs=min(options.epochs, _TUNING_EPOCHS),
            up_epochs=_TUNING_UP_EPOCHS,
        )

    @property
    def architecture(self) -> Architecture:
        """The shape of the network. Raises ConfigError for an unknown size or window."""
        spec = self.spec
        move, up = (tuple(spec.places(part).tolist()) for part in (MOVE, UP))
        clock = tuple(self.seasonal[:2]) if self.seasonal is not None else ()
        return Architecture(spec.window_bars, move, up, spec.size, clock)

    @property
    def seasonal(self) -> Seasonal | None:
        """Where a row has its time; None where the features do not have it."""
        if SEASON not in self.spec.reads:
            return None
        timeframe = Timeframe.parse(self.spec.timeframe)
        bars = self.spec.label.horizon.bars(timeframe)
        week, hour, ret, atr = self.spec.places(SEASON).tolist()
        return Seasonal(week, hour, ret, atr, timeframe.ms, bars)

    @property
    def direction(self) -> Direction:
        """Of the label. Raises ConfigError where it is not `three_way`."""
        label = self.spec.label
        if label.three_way is None:
            raise ConfigError(
                f"{self.spec.family} asks whether the price moves and which way, and label "
                f"{label.name} has other classes: use another family for it"
            )
        return label.three_way

    def fit(self, fit: Examples, validation: Examples, origin: Origin = NEW) -> FittedNet:
        return fit_alone(self.net_fit(fit, validation, origin))

    def net_fit(self, fit: Examples, validation: Examples, origin: Origin) -> NetFit:
        """All that a fit of this family depends on."""
        return NetFit(
            *(self.spec.label, self.architecture, self.settings, self.seed),
            *(fit, validation, origin),
            self.seasonal,
        )

    def load(self, files: Files) -> NetModel:
        with torch.random.fork_rng([]):  # what the weights are before does not matter
            net = CnnLstmNet(self.architecture)
        restore(net, FILE, files)
        if int(net.window_bars) != self.spec.window_bars:
            raise ModelIncompatible(
                f"{FILE} reads {int(net.window_bars)} bars, not {self.spec.window_bars}: "
                "train the model again"
            )
        return NetModel(net.eval(), self.direction)

    def seconds(self, rows: int, separate: float) -> float:
        del rows
        s = self.settings
        windows = min(separate, s.epoch_examples) * s.epochs
        windows += min(_MOVED * separate, s.epoch_examples) * s.up_epochs
        speed = windows_per_s(self.architecture, self.spec.label, s.batch_size, s.device)
        return windows / speed


@cache
def windows_per_s(architecture: Architecture, label: LabelSpec, batch: int, device: str) -> float:
    """Windows that one thread learns from in a second, measured on made data in a second or two."""
    columns = 1 + max((*architecture.move_columns, *architecture.up_columns))
    rng = np.random.default_rng(0)
    features = rng.standard_normal((_PROBE_ROWS, columns), np.float32)
    ends = np.arange(architecture.window_bars, _PROBE_ROWS)
    labels = rng.integers(0, 3, ends.size)
    net = NetSettings(
        epochs=1,
        up_epochs=1,
        batch_size=batch,
        epoch_examples=_PROBE_STEPS * batch,
        device=device,
    )
    probe = Examples(features, ends, labels, np.ones(ends.size))
    few = Examples(features, ends[:256], labels[:256], np.ones(256))
    asked = NetFit(label, architecture, net, 0, probe, few, NEW)
    fit_alone(asked._replace(fit=few))  # what is loaded and allocated once
    began = time.perf_counter()
    fit_alone(asked)
    return 2 * _PROBE_STEPS * batch / (time.perf_counter() - began)
