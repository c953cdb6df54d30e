"""Fitting one network or a stack: two towers one after the other, each with its own budget."""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import numpy as np
import structlog
import torch
from torch import Tensor

from crypto_bot.domain.errors import ConfigError, CryptoBotError, TrainingError
from crypto_bot.domain.label import Direction, LabelSpec
from crypto_bot.models.beside import to_the_end
from crypto_bot.models.device import chosen_device
from crypto_bot.models.families.cnn_lstm.head import HeadFit, Learned, learn_together
from crypto_bot.models.families.cnn_lstm.net import Architecture, CnnLstmNet, answers
from crypto_bot.models.families.cnn_lstm.schedule import HeadData, Schedule
from crypto_bot.models.families.cnn_lstm.season import Seasonal, season_of
from crypto_bot.models.families.family import Examples, Features, Origin, require_classes
from crypto_bot.models.families.nets.checkpoint import Checkpoints
from crypto_bot.models.families.nets.weights import is_scaled_by, packed, restore
from crypto_bot.models.families.two_heads import HeadLogits, moved, probabilities, rose
from crypto_bot.models.memory import read_at_random
from crypto_bot.models.scaling import scale_of
from crypto_bot.models.spec import Scaler
from crypto_bot.statistics.rows import Bools, Floats, Ints

BEST_FILE = "cnn_lstm_best.pth"
"""Both towers as they were at their lowest validation loss; for comparison, not for serving."""
FILE = "cnn_lstm_v1.pth"
"""The model: both heads after their budgets."""

_Question = Callable[[Examples, Direction], tuple[Bools, Bools]]

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class NetSettings:
    """How the network is fitted.

    The move head trains for `epochs`, the direction head for `up_epochs`, each along a cosine that
    takes the learning rate down to 0. Thirty days of validation are too few to stop by: they end
    a fit in the middle of the cosine (docs/results/ml_per_coin_v1.md). An epoch is as many
    examples as their weights add up to, at most `epoch_examples`, and the next one takes others.
    """

    epochs: int = 6
    up_epochs: int = 16
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


@dataclass(frozen=True, slots=True, weakref_slot=True)
class NetModel:
    """A network on the CPU."""

    net: CnnLstmNet
    direction: Direction

    def predict_proba(self, features: Features, ends: Ints) -> Floats:
        whole, at = torch.from_numpy(features), torch.from_numpy(ends)
        window_bars = int(self.net.window_bars)
        move, up = (
            answers(tower, whole, at, window_bars).double().numpy()
            for tower in (self.net.move, self.net.up)
        )
        return probabilities(HeadLogits(move, up), self.direction)

    def is_scaled_by(self, scaler: Scaler) -> bool:
        return is_scaled_by(self.net.move, scaler) and is_scaled_by(self.net.up, scaler)


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
    origin: Origin
    seasonal: Seasonal | None = None

    @property
    def direction(self) -> Direction:
        """Of its label."""
        assert self.label.three_way is not None
        return self.label.three_way

    def new_net(self) -> CnnLstmNet:
        """The network before it has learned anything, from the random numbers of torch."""
        net = CnnLstmNet(self.architecture)
        if self.origin.start is not None:
            restore(net, FILE, self.origin.start)
            return net
        fit = self.fit
        moves = moved(fit, self.direction)
        rates = (
            float(np.average(moves, weights=fit.weights)),
            float(np.average(rose(fit, self.direction)[moves], weights=fit.weights[moves])),
        )
        for tower, rate in zip((net.move, net.up), rates, strict=True):
            tower.fix_scale(*scale_of(fit.features, fit.ends, tower.columns.numpy()))
            tower.start_at(rate)
        if self.seasonal is not None:
            net.move.season.copy_(torch.from_numpy(season_of(fit, moves, self.seasonal)))
        return net

    def schedules(self, batch_size: int) -> tuple[Schedule, Schedule]:
        """Of the move head, and of the direction head."""
        s = self.settings
        move = Schedule(
            head="move",
            seed=self.seed,
            window_bars=self.architecture.window_bars,
            epochs=s.epochs,
            batch_size=batch_size,
            learning_rate=s.learning_rate,
            weight_decay=s.weight_decay,
            dropout=s.dropout,
            epoch_examples=s.epoch_examples,
        )
        return move, replace(move, head="direction", seed=self.seed + 1, epochs=s.up_epochs)

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
        return FittedNet(net.eval(), self.direction, packed(best), curves)


Outcomes = list[FittedNet | CryptoBotError]


def fit_together(asked: Sequence[NetFit]) -> Generator[None, None, Outcomes]:
    """Fits one network or several; pauses after every epoch. What became of each, in order.

    All of them share architecture, seed and settings, and read one series. A network that cannot be
    fitted is answered with its error. Too little memory on the GPU halves the batch, once; raises
    TrainingError where even that does not fit.
    """
    batch_size = asked[0].settings.batch_size
    halved = max(1, batch_size // 2)
    try:
        return (yield from _fitted(asked, batch_size))
    except torch.OutOfMemoryError:
        log.warning("batch.halved", reason="out of GPU memory", batch_size=halved)
    # Not inside the handler: there the error still holds what is on the GPU.
    torch.cuda.empty_cache()
    try:
        return (yield from _fitted(asked, halved))
    except torch.OutOfMemoryError as error:
        raise TrainingError(
            f"out of GPU memory with batches of {batch_size} windows and of {halved}, networks at "
            f"once: {len(asked)}; use a smaller --batch_size, --executor process or --device cpu"
        ) from error


def fit_alone(asked: NetFit) -> FittedNet:
    """Fits one network. Raises the error that `fit_together` answers with."""
    (outcome,) = to_the_end(fit_together([asked]))
    if isinstance(outcome, CryptoBotError):
        raise outcome
    return outcome


def _fitted(asked: Sequence[NetFit], batch_size: int) -> Generator[None, None, Outcomes]:
    first = asked[0]
    device = chosen_device(first.settings.device)
    # cuBLAS reads it when a process first uses the GPU; without it products may round differently.
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    move, up = first.schedules(batch_size)
    series = torch.from_numpy(first.fit.features).to(device)
    validation = series
    if first.validation.features is not first.fit.features:
        validation = torch.from_numpy(first.validation.features).to(device)
    nets = [_Fitting(one, f"{first.architecture} {move} {up}") for one in asked]
    for schedule, question in ((move, _to_move), (up, _which_way)):
        good = [net for net in nets if net.failure is None]
        heads = [net.head_fit(schedule.head, question, series, validation) for net in good]
        with read_at_random(first.fit.features):
            learned = yield from learn_together(heads, schedule)
        for net, found in zip(good, learned, strict=True):
            net.take(found)
    return [net.outcome() for net in nets]


class _Fitting:
    """One network on its way."""

    net: CnnLstmNet

    def __init__(self, asked: NetFit, settings: str) -> None:
        self.failure: CryptoBotError | None = None
        self._learned: list[Learned] = []
        self._asked = asked
        try:
            parts = (("fit", asked.fit), ("validation", asked.validation))
            require_classes(asked.label, parts)
            with torch.random.fork_rng([]):
                torch.manual_seed(asked.seed)
                self.net = asked.new_net()
        except CryptoBotError as error:
            self.failure = error
        self._kept = Checkpoints(asked.origin.checkpoints, settings)

    def head_fit(
        self, head: str, question: _Question, series: Tensor, validation: Tensor
    ) -> HeadFit:
        """The examples of `head`, on the device of the series that they are read from."""
        asked = self._asked
        return HeadFit(
            self.net.move if head == "move" else self.net.up,
            _head_data(series, asked.fit, question, asked.direction),
            _head_data(validation, asked.validation, question, asked.direction),
            self._kept,
        )

    def take(self, found: Learned | TrainingError) -> None:
        """What a head learned, or why it did not."""
        if isinstance(found, TrainingError):
            self.failure = found
        else:
            self._learned.append(found)

    def outcome(self) -> FittedNet | CryptoBotError:
        """The fitted network, or why there is none."""
        if self.failure is not None:
            return self.failure
        return self._asked.fitted(self.net, *self._learned)


def _to_move(examples: Examples, direction: Direction) -> tuple[Bools, Bools]:
    """The examples [n] that the move head learns from, and what is true of them."""
    return np.ones(examples.ends.size, np.bool_), moved(examples, direction)


def _which_way(examples: Examples, direction: Direction) -> tuple[Bools, Bools]:
    """Those that the direction head learns from, and what is true of them."""
    return moved(examples, direction), rose(examples, direction)


def _head_data(
    features: Tensor, examples: Examples, question: _Question, direction: Direction
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
