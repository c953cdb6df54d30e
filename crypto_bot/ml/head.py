"""Fitting one head of a network: a logit and the log loss of what it says."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import ceil, cos, isfinite, pi
from typing import NamedTuple

import structlog
import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits as log_loss
from torch.nn.utils import clip_grad_norm_

from crypto_bot.domain.errors import TrainingDiverged
from crypto_bot.ml.nets.cnn_lstm import Tower, block_offsets, gather

_WARM_UP_STEPS = 50
PATIENCE = 4
"""Early stopping ends after so many epochs without gain."""
_LARGEST_GRADIENT = 1.0
_AT_ONCE = 1024
"""Rows answered in one forward."""

log = structlog.get_logger()


class HeadData(NamedTuple):
    """Examples of one head: its scaled series [bars, columns], rows [n], truth and weights [n].

    Windows are gathered from the series by index, never copied out of it.
    """

    scaled: Tensor
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
def answers(tower: Tower, scaled: Tensor, ends: Tensor, window_bars: int) -> Tensor:
    """Logits [n], on the CPU, of the windows of `scaled` that end at `ends` [n]."""
    was_training = tower.training
    tower.eval()
    offsets = block_offsets(window_bars).to(scaled.device)
    told = [tower(gather(scaled, some, offsets)) for some in torch.split(ends, _AT_ONCE)]
    tower.train(was_training)
    return torch.cat(told).cpu() if told else torch.empty(0)


def learn(tower: Tower, fit: HeadData, validation: HeadData, schedule: Schedule) -> Learned:
    """Trains `tower` in place: early stopping leaves its best weights there, a budget its last.

    One log event for each epoch. Raises TrainingDiverged where the loss or a weight is not finite.
    """
    run = _Run(tower, fit, schedule)
    best_loss = _loss_on(tower, validation, schedule.window_bars)
    best, barren = _copied(tower), 0
    curves: tuple[list[float], list[float]] = ([], [])
    for epoch in range(schedule.epochs):
        told = run.epoch(epoch)
        found = _loss_on(tower, validation, schedule.window_bars)
        if not isfinite(found):
            raise TrainingDiverged(_diverged(schedule.head, epoch, run.step, found))
        curves[0].append(told)
        curves[1].append(found)
        log.info("epoch.finished", head=schedule.head, epoch=epoch + 1, fit=told, validation=found)
        barren += 1
        if found < best_loss:
            best_loss, best, barren = found, _copied(tower), 0
        elif schedule.stops_early and barren == PATIENCE:
            break
    if schedule.stops_early:
        tower.load_state_dict(best)
    return Learned(tuple(curves[0]), tuple(curves[1]), best)


class _Run:
    """The steps of one training run."""

    def __init__(self, tower: Tower, fit: HeadData, schedule: Schedule) -> None:
        self.step = 0
        self._tower, self._fit, self._schedule = tower, fit, schedule
        self._offsets = block_offsets(schedule.window_bars).to(fit.scaled.device)
        self._stream = _Stream(fit.ends.shape[0], schedule.seed)
        unique = max(1, round(float(fit.weights.sum())))
        self._examples = min(unique, schedule.epoch_examples)
        steps = ceil(self._examples / schedule.batch_size) * schedule.epochs
        self._optimiser = torch.optim.AdamW(
            tower.parameters(), lr=schedule.learning_rate, weight_decay=schedule.weight_decay
        )
        self._rate = torch.optim.lr_scheduler.LambdaLR(self._optimiser, _falling(steps))

    def epoch(self, epoch: int) -> float:
        """Mean loss of the examples of one epoch, each as the tower was when it met it."""
        self._tower.train()
        total = mass = 0.0
        left = self._examples
        while left > 0:
            chosen = self._stream.take(min(left, self._schedule.batch_size))
            left -= chosen.shape[0]
            loss, weight = self._learn_from(chosen.to(self._fit.ends.device))
            if not isfinite(loss):
                raise TrainingDiverged(_diverged(self._schedule.head, epoch, self.step, loss))
            total += loss * weight
            mass += weight
        return total / mass

    def _learn_from(self, chosen: Tensor) -> tuple[float, float]:
        fit = self._fit
        logit = self._tower(gather(fit.scaled, fit.ends[chosen], self._offsets))
        weights = fit.weights[chosen]
        mass = weights.sum()
        loss = log_loss(logit, fit.truth[chosen], weights, reduction="sum") / mass
        self._optimiser.zero_grad(set_to_none=True)
        torch.autograd.backward(loss)
        clip_grad_norm_(self._tower.parameters(), _LARGEST_GRADIENT)
        self._optimiser.step()
        self._rate.step()
        self.step += 1
        return float(loss.detach()), float(mass)


class _Stream:
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


def _falling(steps: int) -> Callable[[int], float]:
    """From a warm-up down to 0 after `steps`, along a cosine."""

    def rate(step: int) -> float:
        warm = min(1.0, (step + 1) / _WARM_UP_STEPS)
        return warm * 0.5 * (1.0 + cos(pi * min(1.0, step / steps)))

    return rate


def _loss_on(tower: Tower, data: HeadData, window_bars: int) -> float:
    logit = answers(tower, data.scaled, data.ends, window_bars)
    weights = data.weights.cpu()
    loss = log_loss(logit, data.truth.cpu(), weights, reduction="sum")
    return float(loss / weights.sum())


def _copied(tower: Tower) -> dict[str, Tensor]:
    return {name: value.detach().clone() for name, value in tower.state_dict().items()}


def _diverged(head: str, epoch: int, step: int, loss: float) -> str:
    return (
        f"the {head} head diverged: its loss is {loss} in epoch {epoch + 1} at step {step}; "
        "lower the learning rate"
    )
