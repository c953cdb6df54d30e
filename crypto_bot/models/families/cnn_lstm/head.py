"""Fitting one head of a network: a logit and its log loss."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from math import ceil, cos, isfinite, pi
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits as log_loss
from torch.nn.utils import clip_grad_norm_

from crypto_bot.domain.errors import TrainingDiverged
from crypto_bot.models.checkpoint_store import EpochReport
from crypto_bot.models.families.cnn_lstm.checkpoint import (
    Checkpoints,
    State,
    random_state,
    restore_random,
)
from crypto_bot.models.families.cnn_lstm.net import Tower, block_offsets, gather

_WARM_UP_STEPS = 50
PATIENCE = 4
"""Early stopping ends after so many epochs without gain."""
_LARGEST_GRADIENT = 1.0
_AT_ONCE = 256
"""Rows answered in one forward."""


class HeadData(NamedTuple):
    """Examples of one head: the series [bars, all columns], rows [n], truth and weights [n].

    Windows are gathered from the series by index, never copied out of it.
    """

    features: Tensor
    ends: Tensor
    truth: Tensor
    weights: Tensor


@dataclass(frozen=True, slots=True)
class Schedule:
    """How long and how fast, see `fit.NetSettings`."""

    head: str
    seed: int
    window_bars: int
    epochs: int
    batch_size: int
    learning_rate: float
    weight_decay: float
    epoch_examples: int
    stops_early: bool


class Learned(NamedTuple):
    """Losses in nats by epoch, and the weights after the epoch of the best validation loss."""

    fit_loss: tuple[float, ...]
    validation_loss: tuple[float, ...]
    best: dict[str, Tensor]


@torch.inference_mode()
def answers(tower: Tower, features: Tensor, ends: Tensor, window_bars: int) -> Tensor:
    """Logits [n], on the CPU, of the windows of `features` that end at `ends` [n]."""
    was_training = tower.training
    tower.eval()
    offsets = block_offsets(window_bars).to(features.device)
    logits = [tower(gather(tower, features, some, offsets)) for some in torch.split(ends, _AT_ONCE)]
    tower.train(was_training)
    return torch.cat(logits).cpu() if logits else torch.empty(0)


def learn(
    tower: Tower, fit: HeadData, validation: HeadData, schedule: Schedule, kept: Checkpoints
) -> Learned:
    """Trains `tower` in place: early stopping leaves its best weights there, a budget its last.

    Every epoch is reported and kept; a fit that resumes from `kept` ends with the same bits. Raises
    TrainingDiverged where the loss or a weight is not finite.
    """
    run = Run(tower, fit, schedule)
    state = kept.of(schedule.head)
    if state is None:
        best_loss = _loss_on(tower, validation, schedule.window_bars)
        best = Best(best_loss, copied(tower))
    else:
        best = run.restore(state)
    while not best.is_final(run.epochs, schedule):
        run.epoch()
        found = _loss_on(tower, validation, schedule.window_bars)
        if not isfinite(found):
            raise TrainingDiverged(diverged(schedule.head, run.epochs, run.step, found))
        best.see(tower, run.losses[-1], found)
        kept.keep(schedule.head, run.state(best))
        kept.store.report(run.report(found))
    if schedule.stops_early:
        tower.load_state_dict(best.weights)
    return Learned(tuple(run.losses), tuple(best.validation), best.weights)


class Best:
    """The best weights so far, and how long ago that was."""

    def __init__(self, loss: float, weights: dict[str, Tensor]) -> None:
        self.loss, self.weights = loss, weights
        self.barren = 0
        self.validation: list[float] = []

    def see(self, tower: Tower, fitted: float, found: float) -> None:
        """Takes the losses of one more epoch in."""
        assert isfinite(fitted)
        self.validation.append(found)
        self.barren += 1
        if found < self.loss:
            self.loss, self.weights, self.barren = found, copied(tower), 0

    def is_final(self, epochs: int, schedule: Schedule) -> bool:
        """Whether nothing more will be learned."""
        patient = not schedule.stops_early or self.barren < PATIENCE
        return epochs == schedule.epochs or not patient


class Run:
    """The steps of one training run."""

    def __init__(self, tower: Tower, fit: HeadData, schedule: Schedule) -> None:
        self.step = 0
        self.losses: list[float] = []
        self._seconds = 0.0
        self._tower, self._fit, self._schedule = tower, fit, schedule
        self._weights = list(tower.parameters())
        self._offsets = block_offsets(schedule.window_bars).to(fit.features.device)
        self._stream = Stream(fit.ends.shape[0], schedule.seed)
        unique = max(1, round(float(fit.weights.sum())))
        self._examples = min(unique, schedule.epoch_examples)
        steps = ceil(self._examples / schedule.batch_size) * schedule.epochs
        self._optimiser = torch.optim.AdamW(
            self._weights,
            lr=schedule.learning_rate,
            weight_decay=schedule.weight_decay,
            fused=True,
        )
        self._rate = torch.optim.lr_scheduler.LambdaLR(self._optimiser, falling(steps))

    @property
    def epochs(self) -> int:
        """How many are done."""
        return len(self.losses)

    def epoch(self) -> None:
        """Learns from the examples of one epoch; keeps their mean loss, each when it was met."""
        started = time.perf_counter()
        self._tower.train()
        total = mass = 0.0
        left = self._examples
        while left > 0:
            chosen = self._stream.take(min(left, self._schedule.batch_size))
            left -= chosen.shape[0]
            loss, weight = self._learn_from(chosen.to(self._fit.ends.device))
            if not isfinite(loss):
                raise TrainingDiverged(
                    diverged(self._schedule.head, self.epochs + 1, self.step, loss)
                )
            total += loss * weight
            mass += weight
        self.losses.append(total / mass)
        self._seconds = time.perf_counter() - started

    def report(self, found: float) -> EpochReport:
        """Of the newest epoch, whose validation loss is `found`."""
        return EpochReport(
            head=self._schedule.head,
            epoch=self.epochs,
            epochs=self._schedule.epochs,
            fit_loss=self.losses[-1],
            validation_loss=found,
            windows=self._examples,
            seconds=self._seconds,
        )

    def state(self, best: Best) -> State:
        """All that the next epoch depends on."""
        return {
            "tower": self._tower.state_dict(),
            "optimiser": self._optimiser.state_dict(),
            "rate": self._rate.state_dict(),
            "stream": self._stream.state(),
            "random": random_state(self._fit.ends.device),
            "step": self.step,
            "losses": self.losses,
            "validation": best.validation,
            "best": {"loss": best.loss, "weights": best.weights, "barren": best.barren},
        }

    def restore(self, state: State) -> Best:
        """Resumes from what `state` gave."""
        self._tower.load_state_dict(state["tower"])
        self._optimiser.load_state_dict(state["optimiser"])
        self._rate.load_state_dict(state["rate"])
        self._stream.restore(state["stream"])
        restore_random(state["random"], self._fit.ends.device)
        self.step, self.losses = state["step"], list(state["losses"])
        best = Best(state["best"]["loss"], state["best"]["weights"])
        best.barren = state["best"]["barren"]
        best.validation = list(state["validation"])
        return best

    def _learn_from(self, chosen: Tensor) -> tuple[float, float]:
        """One step; the weighted mean log loss of the batch and the sum of its weights."""
        fit, weights = self._fit, self._fit.weights[chosen]
        logit = self._tower(gather(self._tower, fit.features, fit.ends[chosen], self._offsets))
        mass = weights.sum()
        loss = log_loss(logit, fit.truth[chosen], weights, reduction="sum") / mass
        self._optimiser.zero_grad(set_to_none=True)
        torch.autograd.backward(loss)
        clip_grad_norm_(self._weights, _LARGEST_GRADIENT)
        self._optimiser.step()
        self._rate.step()
        self.step += 1
        return float(loss.detach()), float(mass)


class Stream:
    """Numbers of examples in random order, each once before any comes again."""

    def __init__(self, count: int, seed: int) -> None:
        self._count = count
        self._generator = torch.Generator().manual_seed(seed)
        self._order = torch.empty(0, dtype=torch.int64)

    def take(self, count: int) -> Tensor:
        """The next `count`, at most as many as there are."""
        while self._order.shape[0] < count:
            again = torch.randperm(self._count, generator=self._generator)
            self._order = torch.cat((self._order, again))
        taken, self._order = self._order[:count], self._order[count:]
        return taken

    def state(self) -> State:
        """What is left of this order, and where the random numbers stand."""
        return {"order": self._order.clone(), "generator": self._generator.get_state()}

    def restore(self, state: State) -> None:
        """Resumes from what `state` gave."""
        self._order = state["order"]
        self._generator.set_state(state["generator"])


def falling(steps: int) -> Callable[[int], float]:
    """From a warm-up down to 0 after `steps`, along a cosine."""

    def rate(step: int) -> float:
        warm = min(1.0, (step + 1) / _WARM_UP_STEPS)
        return warm * 0.5 * (1.0 + cos(pi * min(1.0, step / steps)))

    return rate


def _loss_on(tower: Tower, data: HeadData, window_bars: int) -> float:
    logit = answers(tower, data.features, data.ends, window_bars)
    weights = data.weights.cpu()
    loss = log_loss(logit, data.truth.cpu(), weights, reduction="sum")
    return float(loss / weights.sum())


def copied(tower: Tower) -> dict[str, Tensor]:
    """The state of `tower` as it is now."""
    return {name: value.detach().clone() for name, value in tower.state_dict().items()}


def diverged(head: str, epoch: int, step: int, loss: float) -> str:
    """The message that a loss was not finite, and when."""
    return (
        f"the {head} head diverged: its loss is {loss} in epoch {epoch} at step {step}; "
        "lower the learning rate"
    )
