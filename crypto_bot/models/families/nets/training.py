"""Training a network of a window: a plain loop with early stopping and checkpoints."""

from __future__ import annotations

import time
from dataclasses import dataclass
from math import ceil, isfinite
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from crypto_bot.domain.errors import ConfigError, TrainingDiverged
from crypto_bot.models.checkpoint_store import EpochReport
from crypto_bot.models.families.nets.checkpoint import Checkpoints, State
from crypto_bot.models.families.nets.net import WindowNet, answers, windows_of
from crypto_bot.models.families.nets.order import Stream, falling

_HEAD = "classes"
_LARGEST_GRADIENT = 1.0
_MEASURED_AT_ONCE = 256
OPTIMISERS = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW}
RATES = ("plateau", "cosine")


@dataclass(frozen=True, slots=True)
class TrainingSettings:
    """How a network is trained.

    It trains for at most `epochs`, ends after `patience` epochs without gain in validation loss and
    keeps its best weights. `optimiser`: `adam`, where `weight_decay` is an L2 penalty (so much of
    each weight is added to its gradient), or `adamw`, which shrinks the weights by themselves.
    `rate`: `plateau` halves the learning rate after every half `patience` without gain, `cosine`
    lets it fall to 0 along a cosine. An epoch is as many examples as their weights add up to, at
    most `epoch_examples`, and the next one takes others. Of a window every `step_bars`th row is
    read, back from the newest.
    """

    epochs: int = 100
    batch_size: int = 32
    learning_rate: float = 1e-3
    weight_decay: float = 1e-5
    patience: int = 10
    optimiser: str = "adam"
    rate: str = "plateau"
    epoch_examples: int = 100_000
    step_bars: int = 1
    device: str = "auto"

    def __post_init__(self) -> None:
        for name in ("epochs", "batch_size", "patience", "epoch_examples", "step_bars"):
            if getattr(self, name) < 1:
                raise ConfigError(f"{name} is {getattr(self, name)}: use 1 or more")
        if not 0.0 < self.learning_rate < 1.0:
            raise ConfigError(f"learning rate {self.learning_rate}: use one between 0 and 1")
        if not 0.0 <= self.weight_decay < 1.0:
            raise ConfigError(f"weight decay {self.weight_decay}: use one from 0 to below 1")
        for name, known in (("optimiser", tuple(OPTIMISERS)), ("rate", RATES)):
            if getattr(self, name) not in known:
                raise ConfigError(
                    f"unknown {name} '{getattr(self, name)}': use one of {', '.join(known)}"
                )


class Rows(NamedTuple):
    """Examples on the device: series [bars, all columns], rows, classes and weights [n]."""

    features: Tensor
    ends: Tensor
    labels: Tensor
    weights: Tensor


class Parts(NamedTuple):
    """What is learned from, and what decides when to stop."""

    fit: Rows
    validation: Rows


class Learned(NamedTuple):
    """Mean loss in nats by epoch."""

    fit: tuple[float, ...]
    validation: tuple[float, ...]


def learn(
    net: WindowNet, parts: Parts, settings: TrainingSettings, seed: int, kept: Checkpoints
) -> Learned:
    """Trains `net` in place and leaves it its best weights.

    Every epoch is reported and kept; from a checkpoint the training resumes to the same bits.
    Raises TrainingDiverged where the loss is not finite.
    """
    training = _Training(net, parts, settings, seed)
    state = kept.of(_HEAD)
    if state is None:
        training.begin()
    else:
        training.restore(state)
    while not training.is_final:
        report = training.epoch()
        kept.keep(_HEAD, training.state())
        kept.store.report(report)
    net.load_state_dict(training.best)
    net.eval()
    return Learned(tuple(training.fit_loss), tuple(training.validation_loss))


class _Training:
    """A training between the epochs."""

    def __init__(self, net: WindowNet, parts: Parts, settings: TrainingSettings, seed: int) -> None:
        self.best: dict[str, Tensor] = {}
        self.fit_loss: list[float] = []
        self.validation_loss: list[float] = []
        self._net = net
        self._fit, self._validation = parts
        self._settings, self._seed = settings, seed
        self._window_bars = int(net.window_bars)
        self._examples = min(max(1, round(float(parts.fit.weights.sum()))), settings.epoch_examples)
        self._falling = falling(ceil(self._examples / settings.batch_size) * settings.epochs)
        self._stream = Stream(parts.fit.ends.shape[0], seed)
        self._optimiser = OPTIMISERS[settings.optimiser](
            net.parameters(), lr=settings.learning_rate, weight_decay=settings.weight_decay
        )
        self._rate = settings.learning_rate
        self._steps = self._since_best = 0
        self._best_loss = float("inf")

    @property
    def is_final(self) -> bool:
        """Whether nothing more will be learned."""
        s = self._settings
        return len(self.fit_loss) == s.epochs or self._since_best >= s.patience

    def begin(self) -> None:
        """Takes in the validation loss before the first epoch."""
        self._see(self._measured())

    def epoch(self) -> EpochReport:
        """Learns from the examples of one epoch."""
        started = time.perf_counter()
        number = len(self.fit_loss) + 1
        torch.manual_seed(1_000_003 * self._seed + number)  # the noise of dropout
        self._net.train()
        total = mass = 0.0
        for some in torch.split(self._stream.take(self._examples), self._settings.batch_size):
            loss, weight = self._step(some)
            if not isfinite(loss):
                raise self._diverged(loss)
            total += loss * weight
            mass += weight
        self.fit_loss.append(total / mass)
        found = self._measured()
        if not isfinite(found):
            raise self._diverged(found)
        self.validation_loss.append(found)
        self._see(found)
        return EpochReport(
            head=_HEAD,
            epoch=number,
            epochs=self._settings.epochs,
            fit_loss=self.fit_loss[-1],
            validation_loss=found,
            windows=self._examples,
            seconds=time.perf_counter() - started,
        )

    def state(self) -> State:
        """All that the next epoch depends on."""
        return {
            "net": _copied(self._net),
            "optimiser": self._optimiser.state_dict(),
            "stream": self._stream.state(),
            "best": self.best,
            "fit_loss": self.fit_loss,
            "validation_loss": self.validation_loss,
            "numbers": [self._steps, self._since_best, self._best_loss, self._rate],
        }

    def restore(self, state: State) -> None:
        """Resumes from what `state` gave."""
        self._net.load_state_dict(state["net"])
        self._optimiser.load_state_dict(state["optimiser"])
        self._stream.restore(state["stream"])
        self.best = state["best"]
        self.fit_loss = list(state["fit_loss"])
        self.validation_loss = list(state["validation_loss"])
        self._steps, self._since_best, self._best_loss, self._rate = state["numbers"]

    def _step(self, some: Tensor) -> tuple[float, float]:
        """Learns from one batch; its mean loss in nats and the sum of its weights."""
        if self._settings.rate == "cosine":
            self._rate = self._settings.learning_rate * self._falling(self._steps)
        for group in self._optimiser.param_groups:
            group["lr"] = self._rate
        fit = self._fit
        chosen = some.to(fit.ends.device)
        weights = fit.weights[chosen]
        logits = self._net(windows_of(fit.features, fit.ends[chosen], self._window_bars))
        losses = cross_entropy(logits, fit.labels[chosen], reduction="none")
        mass = weights.sum()
        loss = (losses * weights).sum() / mass
        self._optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self._net.parameters(), _LARGEST_GRADIENT)
        self._optimiser.step()
        self._steps += 1
        return float(loss.detach()), float(mass)

    def _measured(self) -> float:
        """The loss in nats on the validation rows."""
        self._net.eval()
        rows = self._validation
        logits = answers(self._net, rows.features, rows.ends, _MEASURED_AT_ONCE)
        losses = cross_entropy(logits, rows.labels, reduction="none")
        return float((losses * rows.weights).sum() / rows.weights.sum())

    def _see(self, found: float) -> None:
        """Keeps the best weights, and counts the epochs since."""
        if found < self._best_loss:
            self._best_loss, self.best, self._since_best = found, _copied(self._net), 0
            return
        self._since_best += 1
        half = max(1, self._settings.patience // 2)
        if self._settings.rate == "plateau" and self._since_best % half == 0:
            self._rate *= 0.5

    def _diverged(self, loss: float) -> TrainingDiverged:
        return TrainingDiverged(
            f"the network diverged: its loss is {loss} in epoch {len(self.fit_loss) + 1} at step "
            f"{self._steps}; lower the learning rate"
        )


def _copied(net: WindowNet) -> dict[str, Tensor]:
    return {name: value.detach().clone() for name, value in net.state_dict().items()}
