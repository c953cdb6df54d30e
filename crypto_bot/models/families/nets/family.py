"""What families of networks that read a window share."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any, ClassVar, NamedTuple, TypeVar

import numpy as np
import torch
from torch import nn

from crypto_bot.domain.errors import ConfigError, ModelIncompatible, TrainingError
from crypto_bot.domain.label import LabelSpec
from crypto_bot.features.sets import FeatureSet
from crypto_bot.models.checkpoint_store import UNSAVED
from crypto_bot.models.device import chosen_device
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
from crypto_bot.models.families.nets.checkpoint import Checkpoints
from crypto_bot.models.families.nets.net import WindowNet, answers
from crypto_bot.models.families.nets.training import Parts, Rows, TrainingSettings, learn
from crypto_bot.models.families.nets.weights import (
    is_scaled_by,
    packed,
    restore,
    stored_number,
)
from crypto_bot.models.families.two_heads import CLASSES, one_part_reads
from crypto_bot.models.memory import read_at_random
from crypto_bot.models.scaling import scale_of
from crypto_bot.models.spec import ModelSpec, Reads, Scaler
from crypto_bot.statistics.rows import Floats, Ints
from crypto_bot.statistics.scores import softmax

_TUNING_RATE, _TUNING_EPOCHS = 0.2, 3
"""Of fine-tuning: the learning rate as a share of that of the first fit, and its epochs."""
_PROBE_ROWS, _PROBE_STEPS = 2_000, 6
S = TypeVar("S", bound=TrainingSettings)


class Body(NamedTuple):
    """What a family puts between scaled windows and logits, and the `width` of its output."""

    module: nn.Module
    width: int


@dataclass(frozen=True, slots=True, weakref_slot=True)
class WindowModel:
    """A network on the CPU; softmax over the classes of the label."""

    net: WindowNet

    def predict_proba(self, features: Features, ends: Ints) -> Floats:
        logits = answers(self.net, torch.from_numpy(features), torch.from_numpy(ends))
        return softmax(logits.double().numpy())

    def is_scaled_by(self, scaler: Scaler) -> bool:
        return is_scaled_by(self.net, scaler)


@dataclass(frozen=True, slots=True)
class FittedWindowModel(WindowModel):
    """A fitted network, and the `file` that holds it."""

    file: str
    curves: Mapping[str, tuple[float, ...]] = field(default_factory=dict)

    def files(self) -> dict[str, bytes]:
        return {self.file: packed(self.net)}


@dataclass(frozen=True)
class WindowFamily:
    """A family of networks that read a window: `file`, `settings` and `body` are its own.

    On the CPU the same seed and number of threads give the same bits, also where a fit was killed
    and resumes. What a row is answered does not depend on the rows beside it.
    """

    spec: ModelSpec
    settings: Any
    seed: int = 0

    capabilities: ClassVar[Capabilities] = Capabilities(
        resumes=True, starts_from_model=True, exports=("onnx", "tflite")
    )
    overlapping: ClassVar[bool] = True
    file: ClassVar[str]

    def __post_init__(self) -> None:
        with torch.random.fork_rng([]):
            self.new_net()

    @staticmethod
    def reads(features: FeatureSet, label: LabelSpec, settings: Any) -> Reads:
        del label, settings
        return one_part_reads(features, "network")

    @staticmethod
    def body(inputs: int, steps: int, size: str, settings: Any) -> Body:
        """A new one that reads `steps` rows of `inputs` columns.

        Raises ConfigError for an unknown size.
        """
        raise NotImplementedError

    def new_net(self, step_bars: int | None = None) -> WindowNet:
        """The network before it has learned anything, from the random numbers of torch.

        `step_bars` None: that of the settings. Raises ConfigError where the window is no multiple.
        """
        spec, step = self.spec, step_bars or self.settings.step_bars
        if spec.window_bars % step:
            raise ConfigError(f"step_bars is {step}: {spec.window_bars} bars are no multiple of it")
        columns, classes = spec.places(CLASSES), len(spec.label.classes)
        body = self.body(columns.size, spec.window_bars // step, spec.size, self.settings)
        return WindowNet(columns, spec.window_bars, classes, *body, step_bars=step)

    def fit(self, fit: Examples, validation: Examples, origin: Origin = NEW) -> FittedWindowModel:
        require_classes(self.spec.label, (("fit", fit), ("validation", validation)))
        device = chosen_device(self.settings.device)
        asked = f"{self.spec} {self.settings} {self.seed}"
        # Dropout draws from the random numbers of the process, which are put back afterwards.
        with torch.random.fork_rng([]), read_at_random(fit.features):
            torch.manual_seed(self.seed)
            net = self._begun(fit, origin.start).to(device)
            parts = _parts_on(device, fit, validation)
            kept = Checkpoints(origin.checkpoints, asked)
            try:
                learned = learn(net, parts, self.settings, self.seed, kept)
            except torch.OutOfMemoryError as error:
                raise TrainingError(
                    f"out of GPU memory with batches of {self.settings.batch_size} windows; use a "
                    "smaller --batch_size or --device cpu"
                ) from error
        return FittedWindowModel(net.cpu(), self.file, learned._asdict())

    def load(self, files: Files) -> WindowModel:
        return WindowModel(self._stored(files).eval())

    def seconds(self, rows: int, separate: float) -> float:
        del rows
        s, columns = self.settings, self.spec.places(CLASSES).size
        steps = self.spec.window_bars // s.step_bars
        speed = windows_per_s(self.body, columns, steps, self.spec.size, s)
        return float(min(separate, s.epoch_examples) * s.epochs / speed)

    def _begun(self, fit: Examples, start: Files | None) -> WindowNet:
        if start is not None:
            return self._stored(start)
        net = self.new_net()
        net.fix_scale(*scale_of(fit.features, fit.ends, self.spec.places(CLASSES)))
        mass = np.bincount(fit.labels, fit.weights, len(self.spec.label.classes))
        net.start_at((mass / mass.sum()).astype(np.float64))
        return net

    def _stored(self, files: Files) -> WindowNet:
        """The network of `files`, which say how far apart the rows are that it reads."""
        bars, step = self.spec.window_bars, stored_number(self.file, files, "step_bars", 1)
        if step < 1 or bars % step:
            raise ModelIncompatible(f"{self.file} reads every row {step} of {bars}")
        with torch.random.fork_rng([]):  # what the weights are before does not matter
            net = self.new_net(step)
        restore(net, self.file, files)
        if int(net.window_bars) != bars:
            raise ModelIncompatible(
                f"{self.file} reads {int(net.window_bars)} bars, not {bars}: train the model again"
            )
        return net


def training_of(settings: S, options: FitOptions, *, fine_tuning: bool) -> S:
    """`settings` with what a user asks for in `options`."""
    chosen_device(options.device)
    rate, epochs = options.learning_rate, options.epochs
    if fine_tuning:
        rate, epochs = rate * _TUNING_RATE, min(epochs, _TUNING_EPOCHS)
    return replace(
        settings,
        epochs=epochs,
        batch_size=options.batch_size,
        learning_rate=rate,
        device=options.device,
    )


def size_of(sizes: Mapping[str, Any], name: str) -> Any:
    """Raises ConfigError, naming the sizes that exist."""
    if name not in sizes:
        raise ConfigError(f"unknown size '{name}': use one of {', '.join(sizes)}")
    return sizes[name]


def _parts_on(device: torch.device, fit: Examples, validation: Examples) -> Parts:
    series = torch.from_numpy(fit.features).to(device)
    other = series
    if validation.features is not fit.features:
        other = torch.from_numpy(validation.features).to(device)
    rows = (
        Rows(
            features,
            torch.from_numpy(each.ends).to(device),
            torch.from_numpy(each.labels).to(device),
            torch.from_numpy(each.weights.astype(np.float32)).to(device),
        )
        for features, each in ((series, fit), (other, validation))
    )
    return Parts(*rows)


@cache
def windows_per_s(
    body: Callable[..., Body], columns: int, window_bars: int, size: str, settings: Any
) -> float:
    """Windows that one thread learns from in a second, measured on made data in a second or two."""
    rng = np.random.default_rng(0)
    module, width = body(columns, window_bars, size, settings)
    net = WindowNet(np.arange(columns), window_bars, 2, module, width)
    ends = np.arange(window_bars, _PROBE_ROWS + window_bars)
    series = rng.standard_normal((ends[-1] + 1, columns), np.float32)
    probe = Examples(series, ends, ends % 2, np.ones(ends.size))
    count = _PROBE_STEPS * settings.batch_size
    once = replace(settings, epochs=1, epoch_examples=count, device="cpu")
    parts = _parts_on(torch.device("cpu"), probe, probe.where(ends < window_bars + 32))
    began = time.perf_counter()
    with torch.random.fork_rng([]):
        learn(net, parts, once, 0, Checkpoints(UNSAVED, ""))
    return float(min(count, _PROBE_ROWS) / (time.perf_counter() - began))
