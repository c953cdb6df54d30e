"""Fitting one head of one network or of a stack of them: loop and checkpoints."""

from __future__ import annotations

import time
from collections.abc import Generator, Sequence
from math import ceil, isfinite
from typing import NamedTuple

import torch
from torch import Tensor

from crypto_bot.domain.errors import TrainingDiverged, TrainingError
from crypto_bot.models.checkpoint_store import EpochReport
from crypto_bot.models.families.cnn_lstm.net import Tower
from crypto_bot.models.families.cnn_lstm.schedule import HeadData, Schedule
from crypto_bot.models.families.cnn_lstm.steps import Losses, Steps, Turn, Weights
from crypto_bot.models.families.cnn_lstm.tower_stack import put_vector, vector_of
from crypto_bot.models.families.nets.checkpoint import Checkpoints, State
from crypto_bot.models.families.nets.order import Stream, falling


class HeadFit(NamedTuple):
    """The head of one network: its tower on the CPU, its examples on the device, its checkpoints.

    `fit` of all the heads of a stack reads one series, the same tensor, and so does `validation`.
    """

    tower: Tower
    fit: HeadData
    validation: HeadData
    kept: Checkpoints


class Learned(NamedTuple):
    """Losses in nats by epoch, and the weights after the epoch of the best validation loss."""

    fit_loss: tuple[float, ...]
    validation_loss: tuple[float, ...]
    best: dict[str, Tensor]


def learn_together(
    heads: Sequence[HeadFit], schedule: Schedule
) -> Generator[None, None, list[Learned | TrainingError]]:
    """Trains the towers in place; pauses after every epoch. What each learned, in order.

    Each has its own order of examples, learning rate, optimiser and clipping, so that what it
    learns depends on the others by rounding alone. Every epoch is reported and kept, and a fit
    resumes as if it had not been interrupted. A head that cannot go on is answered with its error
    (TrainingDiverged where its loss is not finite, TrainingError where its checkpoint could not be
    written) and leaves the stack. One that is behind, after a restart, catches up first.
    """
    runs = [_Run(head_fit, schedule) for head_fit in heads]
    stack: _Stack | None = None
    while under_way := [run for run in runs if not run.is_final]:
        least = min(run.epochs for run in under_way)
        turn = [run for run in under_way if run.epochs == least]
        if stack is None or stack.runs != turn:
            stack = None  # room on the device for the next one
            stack = _Stack(turn, schedule)
        stack.epoch()
        yield
    return [run.outcome() for run in runs]


class _Run:
    """One head between the epochs."""

    def __init__(self, head_fit: HeadFit, schedule: Schedule) -> None:
        self.head_fit = head_fit
        self.losses: list[float] = []
        self.best: _Best | None = None
        self.failure: TrainingError | None = None
        self._schedule = schedule
        fit = head_fit.fit
        self.examples = min(max(1, round(float(fit.weights.sum()))), schedule.epoch_examples)
        self._steps = ceil(self.examples / schedule.batch_size)
        self._rate = falling(self._steps * schedule.epochs)
        self._stream = Stream(fit.ends.shape[0], schedule.seed)
        vector = vector_of(head_fit.tower)
        self.weights = Weights(vector, torch.zeros_like(vector), torch.zeros_like(vector), 0)
        state = head_fit.kept.of(schedule.head)
        if state is not None:
            self._restore(state)

    @property
    def epochs(self) -> int:
        """How many are done."""
        return len(self.losses)

    @property
    def is_final(self) -> bool:
        """Whether nothing more will be learned."""
        return self.failure is not None or self.epochs == self._schedule.epochs

    def start(self, found: float) -> None:
        """Takes in the validation loss before the first epoch."""
        self.best = _Best(found, _copied(self.head_fit.tower))

    def turn(self) -> Turn:
        """What it learns from in its next epoch."""
        done = self.weights.steps
        factors = [self._rate(done + step) for step in range(self._steps)]
        rates = torch.tensor(factors, dtype=torch.float64) * self._schedule.learning_rate
        return Turn(self._stream.take(self.examples), rates)

    def learned(self, weights: Weights, losses: Losses, found: float, seconds: float) -> None:
        """Takes in an epoch: the losses of its steps [steps], and the validation loss after it."""
        try:
            self._see(weights, losses, found)
            self.head_fit.kept.keep(self._schedule.head, self._state())
        except TrainingError as error:
            self.failure = error
            return
        self.head_fit.kept.store.report(
            EpochReport(
                head=self._schedule.head,
                epoch=self.epochs,
                epochs=self._schedule.epochs,
                fit_loss=self.losses[-1],
                validation_loss=found,
                windows=self.examples,
                seconds=seconds,
            )
        )

    def outcome(self) -> Learned | TrainingError:
        """What was learned; the tower has its last weights then."""
        if self.failure is not None:
            return self.failure
        assert self.best is not None
        return Learned(tuple(self.losses), tuple(self.best.validation), self.best.weights)

    def _see(self, weights: Weights, losses: Losses, found: float) -> None:
        head, epoch = self._schedule.head, self.epochs + 1
        total = mass = 0.0
        before = self.weights.steps
        each = zip(losses.loss.tolist(), losses.mass.tolist(), strict=True)
        for step, (loss, weight) in enumerate(each):
            if step == self._steps:
                break
            if not isfinite(loss):
                raise _diverged(head, epoch, before + step + 1, loss)
            total += loss * weight
            mass += weight
        if not isfinite(found):
            raise _diverged(head, epoch, weights.steps, found)
        self.weights = weights
        put_vector(self.head_fit.tower, weights.vector)
        self.losses.append(total / mass)
        assert self.best is not None
        self.best.see(self.head_fit.tower, found)

    def _state(self) -> State:
        assert self.best is not None
        best = self.best
        return {
            "weights": self.weights._asdict(),
            "stream": self._stream.state(),
            "losses": self.losses,
            "validation": best.validation,
            "best": {"loss": best.loss, "weights": best.weights},
        }

    def _restore(self, state: State) -> None:
        self.weights = Weights(**state["weights"])
        put_vector(self.head_fit.tower, self.weights.vector)
        self._stream.restore(state["stream"])
        self.losses = list(state["losses"])
        self.best = _Best(state["best"]["loss"], state["best"]["weights"])
        self.best.validation = list(state["validation"])


class _Stack:
    """The heads that go through an epoch together."""

    def __init__(self, runs: list[_Run], schedule: Schedule) -> None:
        self.runs = runs
        self._steps = Steps(
            [run.head_fit.tower for run in runs],
            [run.head_fit.fit for run in runs],
            [run.weights for run in runs],
            [run.examples for run in runs],
            schedule,
        )
        self._validations = [run.head_fit.validation for run in runs]
        for run, found in zip(runs, self._steps.losses_on(self._validations), strict=True):
            if run.best is None:
                run.start(found)

    def epoch(self) -> None:
        """Every head learns from its examples, is measured and kept."""
        started = time.perf_counter()
        found = self._steps.epoch([run.turn() for run in self.runs], self.runs[0].epochs + 1)
        seconds = time.perf_counter() - started
        after = self._steps.losses_on(self._validations)
        weights = self._steps.weights()
        for place, run in enumerate(self.runs):
            own = Losses(found.loss[:, place], found.mass[:, place])
            run.learned(weights[place], own, after[place], seconds)


class _Best:
    """The weights of the lowest validation loss so far."""

    def __init__(self, loss: float, weights: dict[str, Tensor]) -> None:
        self.loss, self.weights = loss, weights
        self.validation: list[float] = []

    def see(self, tower: Tower, found: float) -> None:
        """Takes in the validation loss of one more epoch."""
        self.validation.append(found)
        if found < self.loss:
            self.loss, self.weights = found, _copied(tower)


def _copied(tower: Tower) -> dict[str, Tensor]:
    """The state of `tower` as it is now."""
    return {name: value.detach().clone() for name, value in tower.state_dict().items()}


def _diverged(head: str, epoch: int, step: int, loss: float) -> TrainingDiverged:
    """The error that a loss was not finite, and when."""
    return TrainingDiverged(
        f"the {head} head diverged: its loss is {loss} in epoch {epoch} at step {step}; "
        "lower the learning rate"
    )
