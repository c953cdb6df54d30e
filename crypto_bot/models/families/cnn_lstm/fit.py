"""The network family: two towers learned one after the other, each by its own rule of stopping."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

import numpy as np
import structlog
import torch

from crypto_bot.domain.errors import ConfigError, ModelIncompatible, TrainingError
from crypto_bot.models.checkpoint import Checkpoints
from crypto_bot.models.checkpoint_store import UNKEPT, Notebook
from crypto_bot.models.families.cnn_lstm.arithmetic import chosen_arithmetic
from crypto_bot.models.families.cnn_lstm.head import HeadData, Learned, Schedule, answers, learn
from crypto_bot.models.families.cnn_lstm.net import Architecture, CnnLstmNet, Tower
from crypto_bot.models.families.cnn_lstm.weights import packed, restore
from crypto_bot.models.families.family import Examples, Features, Files, HeadLogits, require_classes
from crypto_bot.models.memory import read_at_random
from crypto_bot.models.scaling import scale_of
from crypto_bot.statistics.rows import LONG, Bools, Ints

BEST_FILE = "cnn_lstm_best.pth"
"""Both towers as they were after the move head's best epoch."""
FILE = "cnn_lstm_v1.pth"
"""The model: the move head's best epoch, and the direction head after its budget."""

_Question = Callable[[Examples], tuple[Bools, Bools]]

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class NetSettings:
    """How the network is fitted.

    The learning rate falls to 0 along a cosine. The move head trains for at most `epochs`, ends
    after four without gain in validation loss, and keeps its best weights. The direction head has
    a fixed budget of `up_epochs`: thirty days of validation are too few to see its gain. An epoch
    is as many examples as their weights add up to, at most `epoch_examples`, and the next one takes
    others. `arithmetic` is that of the CPU; `auto` is replaced at once by what it means on this
    machine, so that a plan says it and all its workers do the same.
    """

    epochs: int = 50
    up_epochs: int = 3
    batch_size: int = 512
    learning_rate: float = 1e-3
    weight_decay: float = 0.01
    dropout: float = 0.2
    epoch_examples: int = 100_000
    device: str = "auto"
    arithmetic: str = "auto"

    def __post_init__(self) -> None:
        object.__setattr__(self, "arithmetic", chosen_arithmetic(self.arithmetic))
        for name in ("epochs", "up_epochs", "batch_size", "epoch_examples"):
            if getattr(self, name) < 1:
                raise ConfigError(f"{name} is {getattr(self, name)}: use 1 or more")
        if not 0.0 < self.learning_rate < 1.0:
            raise ConfigError(f"learning rate {self.learning_rate}: use one between 0 and 1")


@dataclass(frozen=True)
class FittedNet:
    """A fitted network, on the CPU. `best`: weights at the best validation loss of both heads."""

    net: CnnLstmNet
    best: bytes
    curves: Mapping[str, tuple[float, ...]] = field(default_factory=dict)

    def logits(self, features: Features, ends: Ints) -> HeadLogits:
        whole, at = torch.from_numpy(features), torch.from_numpy(ends)
        window_bars = int(self.net.window_bars)
        return HeadLogits(
            *(
                answers(tower, whole, at, window_bars).double().numpy()
                for tower in (self.net.move, self.net.up)
            )
        )

    def for_serving(self) -> FittedNet:
        """Answers the same with half the memory; only what is to be stored needs `best`."""
        return replace(self, best=b"")

    def files(self) -> dict[str, bytes]:
        return {BEST_FILE: self.best, FILE: packed(self.net)}


@dataclass(frozen=True, slots=True)
class CnnLstm:
    """The CNN-LSTM family. `start`: files of a model to go on from, as fine-tuning does.

    The same seed, device, arithmetic and number of threads give the same bits, also where a fit was
    killed and goes on from its `notebook`. Classes have no weights. Too little memory on the GPU
    halves the batch, once; `fit` raises TrainingError where even that does not fit.
    """

    architecture: Architecture
    seed: int = 0
    settings: NetSettings = NetSettings()
    start: Files | None = None
    notebook: Notebook = UNKEPT

    @property
    def name(self) -> str:
        return "cnn_lstm_v1"

    def fit(self, fit: Examples, validation: Examples) -> FittedNet:
        require_classes((("fit", fit), ("validation", validation)))
        batch_size = self.settings.batch_size
        halved = max(1, batch_size // 2)
        try:
            return self._fit(fit, validation, batch_size)
        except torch.OutOfMemoryError:
            log.warning("batch.halved", reason="out of GPU memory", batch_size=halved)
        # Not inside the handler: there the error still holds what is on the GPU.
        torch.cuda.empty_cache()
        try:
            return self._fit(fit, validation, halved)
        except torch.OutOfMemoryError as error:
            raise TrainingError(
                f"out of GPU memory with batches of {batch_size} windows and of {halved}: use a "
                "smaller --batch_size or --device cpu"
            ) from error

    def load(self, files: Files) -> FittedNet:
        with torch.random.fork_rng([]):  # what the weights are before does not matter
            net = CnnLstmNet(self.architecture)
        restore(net, BEST_FILE, files)
        restore(net, FILE, files)
        if int(net.window_bars) != self.architecture.window_bars:
            raise ModelIncompatible(
                f"{FILE} reads {int(net.window_bars)} bars, not {self.architecture.window_bars}: "
                "train the model again"
            )
        return FittedNet(net.eval(), files[BEST_FILE])

    def schedules(self, batch_size: int) -> tuple[Schedule, Schedule]:
        """Of the move head, and of the direction head with its budget."""
        s = self.settings
        move = Schedule(
            head="move",
            seed=self.seed,
            window_bars=self.architecture.window_bars,
            epochs=s.epochs,
            batch_size=batch_size,
            learning_rate=s.learning_rate,
            weight_decay=s.weight_decay,
            epoch_examples=s.epoch_examples,
            stops_early=True,
            arithmetic=s.arithmetic,
        )
        budget = replace(
            move, head="direction", seed=self.seed + 1, epochs=s.up_epochs, stops_early=False
        )
        return move, budget

    def _fit(self, fit: Examples, validation: Examples, batch_size: int) -> FittedNet:
        s = self.settings
        device = chosen_device(s.device)
        schedule, budget = self.schedules(batch_size)
        kept = Checkpoints(self.notebook, f"{self.architecture} {schedule} {budget} {s.dropout}")

        def taught(tower: Tower, asked: _Question, how: Schedule) -> Learned:
            told = _data(device, fit, validation, asked)
            with read_at_random(fit.features):
                return learn(tower, *told, how, kept)

        with _repeatable(device, self.seed):
            net = self.new_net(fit).to(device)
            move = taught(net.move, asked_to_move, schedule)
            up = taught(net.up, asked_which_way, budget)
            best = CnnLstmNet(self.architecture)
        best.move.load_state_dict(move.best)
        best.up.load_state_dict(up.best)
        curves = {
            f"{part}, {head} head": losses
            for head, learned in (("move", move), ("direction", up))
            for part, losses in (("fit", learned.fit_loss), ("validation", learned.validation_loss))
        }
        return FittedNet(net.cpu().eval(), packed(best), curves)

    def new_net(self, fit: Examples) -> CnnLstmNet:
        """The network before it has learned from `fit`, from the random numbers of torch."""
        net = CnnLstmNet(self.architecture, self.settings.dropout)
        if self.start is not None:
            restore(net, FILE, self.start)
            return net
        moved = fit.moved
        rates = (
            float(np.average(moved, weights=fit.weights)),
            float(np.average(fit.labels[moved] == LONG, weights=fit.weights[moved])),
        )
        for tower, rate in zip((net.move, net.up), rates, strict=True):
            tower.fix_scale(*scale_of(fit.features, fit.ends, tower.columns.numpy()))
            tower.start_at(rate)
        return net


def chosen_device(name: str) -> torch.device:
    """`auto` takes a GPU where there is one. Raises ConfigError for an unknown or absent one."""
    if name not in {"auto", "cpu", "cuda"}:
        raise ConfigError(f"unknown device '{name}': use auto, cpu or cuda")
    found = torch.cuda.is_available()
    if name == "cuda" and not found:
        raise ConfigError("device cuda: this machine has no CUDA GPU; use cpu or auto")
    return torch.device("cuda" if found and name != "cpu" else "cpu")


@contextmanager
def _repeatable(device: torch.device, seed: int) -> Iterator[None]:
    """Random numbers from `seed` alone, and of a GPU's algorithms those that repeat themselves."""
    # cuBLAS reads it when a process first uses the GPU; without it the LSTM may round differently.
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    with (
        torch.random.fork_rng([device] if device.type == "cuda" else []),
        torch.backends.cudnn.flags(enabled=True, benchmark=False, deterministic=True),
    ):
        torch.manual_seed(seed)
        yield


def asked_to_move(examples: Examples) -> tuple[Bools, Bools]:
    """The examples [n] that the move head learns from, and what is true of them."""
    return np.ones(examples.ends.size, np.bool_), examples.moved


def asked_which_way(examples: Examples) -> tuple[Bools, Bools]:
    """Those that the direction head learns from, and what is true of them."""
    return examples.moved, examples.labels == LONG


def _data(
    device: torch.device,
    fit: Examples,
    validation: Examples,
    asked: _Question,
) -> tuple[HeadData, HeadData]:
    told = []
    features = torch.from_numpy(fit.features).to(device)
    for examples in (fit, validation):
        if examples.features is not fit.features:
            features = torch.from_numpy(examples.features).to(device)
        chosen, truth = asked(examples)
        ends = examples.ends if chosen.all() else examples.ends[chosen]
        told.append(
            HeadData(
                features,
                torch.from_numpy(ends).to(device),
                torch.from_numpy(truth[chosen].astype(np.float32)).to(device),
                torch.from_numpy(examples.weights[chosen].astype(np.float32)).to(device),
            )
        )
    return told[0], told[1]
