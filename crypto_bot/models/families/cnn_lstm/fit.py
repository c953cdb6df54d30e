"""Fitting a network: two towers learned one after the other, each by its own rule of stopping."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import numpy as np
import torch

from crypto_bot.domain.errors import ConfigError
from crypto_bot.domain.label import Direction, LabelSpec
from crypto_bot.models.checkpoint_store import CheckpointStore
from crypto_bot.models.device import chosen_device
from crypto_bot.models.families.cnn_lstm.checkpoint import Checkpoints
from crypto_bot.models.families.cnn_lstm.head import HeadData, Learned, Schedule, answers, learn
from crypto_bot.models.families.cnn_lstm.net import Architecture, CnnLstmNet, Tower
from crypto_bot.models.families.cnn_lstm.weights import packed, restore
from crypto_bot.models.families.family import Examples, Features, Files
from crypto_bot.models.families.two_heads import HeadLogits, moved, probabilities
from crypto_bot.models.memory import read_at_random
from crypto_bot.models.scaling import scale_of
from crypto_bot.statistics.rows import Bools, Floats, Ints

BEST_FILE = "cnn_lstm_best.pth"
"""Both towers as they were after the move head's best epoch."""
FILE = "cnn_lstm_v1.pth"
"""The model: the move head's best epoch, and the direction head after its budget."""

Question = Callable[[Examples, Direction], tuple[Bools, Bools]]


@dataclass(frozen=True, slots=True)
class NetSettings:
    """How the network is fitted.

    The learning rate falls to 0 along a cosine. The move head trains for at most `epochs`, ends
    after four without gain in validation loss, and keeps its best weights. The direction head has
    a fixed budget of `up_epochs`: thirty days of validation are too few to see its gain. An epoch
    is as many examples as their weights add up to, at most `epoch_examples`, and the next one takes
    others.
    """

    epochs: int = 50
    up_epochs: int = 3
    batch_size: int = 512
    learning_rate: float = 1e-3
    weight_decay: float = 0.01
    dropout: float = 0.2
    epoch_examples: int = 100_000
    device: str = "auto"

    def __post_init__(self) -> None:
        for name in ("epochs", "up_epochs", "batch_size", "epoch_examples"):
            if getattr(self, name) < 1:
                raise ConfigError(f"{name} is {getattr(self, name)}: use 1 or more")
        if not 0.0 < self.learning_rate < 1.0:
            raise ConfigError(f"learning rate {self.learning_rate}: use one between 0 and 1")


@dataclass(frozen=True, slots=True)
class NetModel:
    """A network on the CPU."""

    net: CnnLstmNet
    direction: Direction

    def predict_proba(self, features: Features, ends: Ints) -> Floats:
        whole, at = torch.from_numpy(features), torch.from_numpy(ends)
        window_bars = int(self.net.window_bars)
        logits = HeadLogits(
            *(
                answers(tower, whole, at, window_bars).double().numpy()
                for tower in (self.net.move, self.net.up)
            )
        )
        return probabilities(logits, self.direction)


@dataclass(frozen=True, slots=True)
class FittedNet(NetModel):
    """A fitted network. `best`: weights at the best validation loss of both heads."""

    best: bytes
    curves: Mapping[str, tuple[float, ...]] = field(default_factory=dict)

    def files(self) -> dict[str, bytes]:
        return {BEST_FILE: self.best, FILE: packed(self.net)}


class NetFit(NamedTuple):
    """One fit: what is learned, how, from which examples."""

    label: LabelSpec
    architecture: Architecture
    settings: NetSettings
    seed: int
    fit: Examples
    validation: Examples
    start: Files | None
    store: CheckpointStore

    @property
    def direction(self) -> Direction:
        """Of its label."""
        assert self.label.direction is not None
        return self.label.direction

    def new_net(self) -> CnnLstmNet:
        """The network before it has learned anything, from the random numbers of torch."""
        net = CnnLstmNet(self.architecture, self.settings.dropout)
        if self.start is not None:
            restore(net, FILE, self.start)
            return net
        fit = self.fit
        moves = moved(fit, self.direction)
        rates = (
            float(np.average(moves, weights=fit.weights)),
            float(np.average(fit.labels[moves] == self.direction.up, weights=fit.weights[moves])),
        )
        for tower, rate in zip((net.move, net.up), rates, strict=True):
            tower.fix_scale(*scale_of(fit.features, fit.ends, tower.columns.numpy()))
            tower.start_at(rate)
        return net

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
        )
        budget = replace(
            move, head="direction", seed=self.seed + 1, epochs=s.up_epochs, stops_early=False
        )
        return move, budget

    def fitted(self, net: CnnLstmNet, move: Learned, up: Learned) -> FittedNet:
        """The model once both heads have learned."""
        with torch.random.fork_rng([]):  # what the weights are before does not matter
            best = CnnLstmNet(self.architecture)
        best.move.load_state_dict(move.best)
        best.up.load_state_dict(up.best)
        curves = {
            f"{part}, {head} head": losses
            for head, learned in (("move", move), ("direction", up))
            for part, losses in (("fit", learned.fit_loss), ("validation", learned.validation_loss))
        }
        return FittedNet(net.cpu().eval(), self.direction, packed(best), curves)


def fit_alone(asked: NetFit, batch_size: int) -> FittedNet:
    """Fits one network, each head in turn."""
    s = asked.settings
    device = chosen_device(s.device)
    schedule, budget = asked.schedules(batch_size)
    kept = Checkpoints(asked.store, f"{asked.architecture} {schedule} {budget} {s.dropout}")

    def learned(tower: Tower, question: Question, how: Schedule) -> Learned:
        data = _data(device, asked, question)
        with read_at_random(asked.fit.features):
            return learn(tower, *data, how, kept)

    with _repeatable(device, asked.seed):
        net = asked.new_net().to(device)
        move = learned(net.move, asked_to_move, schedule)
        up = learned(net.up, asked_which_way, budget)
    return asked.fitted(net, move, up)


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


def asked_to_move(examples: Examples, direction: Direction) -> tuple[Bools, Bools]:
    """The examples [n] that the move head learns from, and what is true of them."""
    return np.ones(examples.ends.size, np.bool_), moved(examples, direction)


def asked_which_way(examples: Examples, direction: Direction) -> tuple[Bools, Bools]:
    """Those that the direction head learns from, and what is true of them."""
    return moved(examples, direction), examples.labels == direction.up


def _data(device: torch.device, asked: NetFit, question: Question) -> tuple[HeadData, HeadData]:
    features = torch.from_numpy(asked.fit.features).to(device)
    fit = head_data(features, asked.fit, question, asked.direction)
    if asked.validation.features is not asked.fit.features:
        features = torch.from_numpy(asked.validation.features).to(device)
    return fit, head_data(features, asked.validation, question, asked.direction)


def head_data(
    features: torch.Tensor, examples: Examples, question: Question, direction: Direction
) -> HeadData:
    """The examples of one head, on the device of `features`."""
    chosen, truth = question(examples, direction)
    ends = examples.ends if chosen.all() else examples.ends[chosen]
    return HeadData(
        features,
        torch.from_numpy(ends).to(features.device),
        torch.from_numpy(truth[chosen].astype(np.float32)).to(features.device),
        torch.from_numpy(examples.weights[chosen].astype(np.float32)).to(features.device),
    )
