"""The steps of one head of one network or of a stack of them: one launch each on a GPU.

All that a step needs lies in tables on the device, a row for each step of the epoch, and a cursor
that the step itself moves: nothing goes back to the host before the epoch has ended.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits as log_loss
from torch.nn.utils.rnn import pad_sequence
from torch.optim.adamw import adamw

from crypto_bot.models.families.cnn_lstm.net import Tower
from crypto_bot.models.families.cnn_lstm.schedule import HeadData, Schedule
from crypto_bot.models.families.cnn_lstm.tower_stack import Kept, TowerStack

_LARGEST_GRADIENT = 1.0
_AT_ONCE = {"cpu": 256, "cuda": 1024}
"""Rows of each network answered in one forward."""
_WARM_UP = 3
"""Steps before a GPU's launches are recorded: libraries set themselves up in the first."""


class Turn(NamedTuple):
    """One epoch of one coin: numbers of examples in order, [examples], and the rate of each step.

    `rates`: [steps], learning rates.
    """

    chosen: Tensor
    rates: Tensor


class Weights(NamedTuple):
    """Weights of one coin and AdamW's two moments, [parameters] each, after `steps` steps."""

    vector: Tensor
    mean: Tensor
    square: Tensor
    steps: int


class Losses(NamedTuple):
    """Mean loss in nats and mass of the weights, [steps, coins] each; 0 where a coin was idle."""

    loss: Tensor
    mass: Tensor


class Steps:
    """Trains towers of several coins on examples of one series, all in step.

    A coin with fewer steps in the epoch than others is idle in the last of them. `examples`: how
    many each coin takes in an epoch.
    """

    def __init__(
        self,
        towers: Sequence[Tower],
        fits: Sequence[HeadData],
        begun: Sequence[Weights],
        examples: Sequence[int],
        schedule: Schedule,
    ) -> None:
        self._series = fits[0].features
        self._schedule = schedule
        self._device = self._series.device
        self._stack = TowerStack(towers, schedule.window_bars, self._device)
        self._stack.vectors.copy_(torch.stack([each.vector for each in begun]))
        self._mean = torch.stack([each.mean for each in begun]).to(self._device)
        self._square = torch.stack([each.square for each in begun]).to(self._device)
        self._steps = torch.tensor([float(each.steps) for each in begun], device=self._device)
        self._ends = _padded([fit.ends for fit in fits])
        self._truth = _padded([fit.truth for fit in fits])
        self._mass = _padded([fit.weights for fit in fits])
        self._tables = _Tables(self._stack, max(examples), schedule)
        self._step = self._recorded()

    def epoch(self, turns: Sequence[Turn], number: int) -> Losses:
        """Learns from `turns`, one for each coin, in epoch `number`."""
        steps = self._tables.fill(turns, number)
        for _ in range(steps):
            self._step()
        return Losses(self._tables.loss[:steps].cpu(), self._tables.mass[:steps].cpu())

    def weights(self) -> list[Weights]:
        """Of each coin, as they are now, on the CPU."""
        parts = (self._stack.vectors, self._mean, self._square)
        vectors, means, squares = (part.cpu() for part in parts)
        # Copies: a row that is stored takes all that it is a part of with it.
        return [
            Weights(vector.clone(), mean.clone(), square.clone(), int(count))
            for vector, mean, square, count in zip(
                vectors, means, squares, self._steps.tolist(), strict=True
            )
        ]

    @torch.inference_mode()
    def losses_on(self, data: Sequence[HeadData]) -> list[float]:
        """The loss in nats of each coin on its own of `data`."""
        series = data[0].features
        ends = _padded([each.ends for each in data])
        ends = ends.clamp(min=self._schedule.window_bars - 1)  # after the last row of its own
        parts = torch.split(ends, _AT_ONCE[series.device.type], dim=1)
        found = torch.cat([self._stack.logits(series, some) for some in parts], dim=1).cpu()
        losses = []
        for logits, each in zip(found, data, strict=True):
            weights = each.weights.cpu()
            logit = logits[: weights.shape[0]]
            loss = log_loss(logit, each.truth.cpu(), weights, reduction="sum")
            losses.append(float(loss / weights.sum()))
        return losses

    def _learn(self) -> None:
        row = self._tables.next()
        chosen = row.chosen.clamp(min=0)
        weights = self._mass.gather(1, chosen) * (row.chosen >= 0)
        logit = self._stack.logits(self._series, self._ends.gather(1, chosen), row.kept)
        truth = self._truth.gather(1, chosen)
        mass = weights.sum(dim=1)
        total = log_loss(logit, truth, weights, reduction="none").sum(dim=1)
        loss = total / (mass + row.idle)  # an idle coin has no mass: 0, not NaN
        gradient = self._stack.gradient(loss.sum())
        # Each coin's is clipped by the norm of its own, as `clip_grad_norm_` does.
        norm = torch.linalg.vector_norm(gradient, dim=1, keepdim=True)
        gradient *= (_LARGEST_GRADIENT / (norm + 1e-6)).clamp(max=1.0)
        self._update(gradient, row)
        self._tables.note(loss.detach(), mass)

    def _update(self, gradient: Tensor, row: _Row) -> None:
        """AdamW for each coin at its own rate; an idle one stays as it is, its count of steps too.

        `found_inf` is how torch marks on the device that a step is not to be taken.
        """
        for coin in range(self._steps.shape[0]):
            adamw(
                [self._stack.vectors[coin]],
                [gradient[coin]],
                [self._mean[coin]],
                [self._square[coin]],
                [],
                [self._steps[coin]],
                fused=True,
                found_inf=row.idle[coin],
                lr=row.rates[coin],
                beta1=0.9,
                beta2=0.999,
                eps=1e-8,
                weight_decay=self._schedule.weight_decay,
                amsgrad=False,
                maximize=False,
            )

    def _recorded(self) -> Callable[[], None]:
        """The step; on a GPU as a graph that is launched whole.

        Before an epoch is filled in all coins are idle: what runs to warm up leaves no trace.
        """
        if self._device.type != "cuda":
            return self._learn
        aside = torch.cuda.Stream(self._device)  # type: ignore[no-untyped-call]
        aside.wait_stream(torch.cuda.current_stream(self._device))
        with torch.cuda.stream(aside):
            for _ in range(_WARM_UP):
                self._learn()
                self._tables.rewind()
        torch.cuda.current_stream(self._device).wait_stream(aside)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            self._learn()
        return graph.replay


class _Row(NamedTuple):
    """One step: examples [coins, batch], -1 for none; rates [coins]; 1 for who is idle, [coins]."""

    chosen: Tensor
    rates: Tensor
    idle: Tensor
    kept: Kept | None


class _Tables:
    """The rows of an epoch, always in the same memory, and the losses of each."""

    def __init__(self, stack: TowerStack, examples: int, schedule: Schedule) -> None:
        coins, like = stack.vectors.shape[0], stack.vectors
        self._batch = min(schedule.batch_size, examples)
        steps = -(-examples // self._batch)
        self._chosen = torch.full(
            (steps, coins, self._batch), -1, dtype=torch.int64, device=like.device
        )
        on_gpu = like.device.type == "cuda"  # there AdamW's kernel reads its rate as a float32
        precision = torch.float32 if on_gpu else torch.float64
        self._rates = like.new_zeros(steps, coins, dtype=precision)
        self._idle = torch.ones(steps, coins, device=like.device)
        self.loss, self.mass = like.new_zeros(steps, coins), like.new_zeros(steps, coins)
        self._cursor = torch.zeros(1, dtype=torch.int64, device=like.device)
        self._seed, self._share = schedule.seed, 1.0 - schedule.dropout
        self._widths = stack.widths()
        # On the CPU noise is drawn as a step begins: that of a whole epoch takes 40 MB and more.
        self._noise = torch.Generator() if like.device.type == "cpu" else None
        self._kept: Tensor | None = None
        if schedule.dropout:
            shape = (steps if self._noise is None else 1, self._batch, sum(self._widths))
            self._kept = torch.empty(shape, dtype=torch.bool, device=like.device)

    def fill(self, turns: Sequence[Turn], number: int) -> int:
        """Lays out an epoch; returns its steps.

        The noise of dropout follows from the seed and the epoch's `number` alone: a fit that goes
        on from a checkpoint meets the same, whoever else is in the stack.
        """
        steps, coins, batch = self._chosen.shape
        chosen = torch.full((coins, steps * batch), -1)
        rates = torch.zeros(coins, steps, dtype=self._rates.dtype)
        for coin, turn in enumerate(turns):
            chosen[coin, : turn.chosen.shape[0]] = turn.chosen
            rates[coin, : turn.rates.shape[0]] = turn.rates
        by_step = chosen.view(coins, steps, batch).transpose(0, 1)
        self._chosen.copy_(by_step)
        self._rates.copy_(rates.t())
        self._idle.copy_((by_step < 0).all(dim=2))
        seed = 1_000_003 * self._seed + number
        if self._noise is not None:
            self._noise.manual_seed(seed)
        elif self._kept is not None:
            noise = torch.Generator(self._kept.device).manual_seed(seed)
            self._kept.bernoulli_(self._share, generator=noise)
        self.rewind()
        return steps

    def rewind(self) -> None:
        """Back to the first row."""
        self._cursor.zero_()

    def next(self) -> _Row:
        """The row under the cursor."""
        chosen, rates, idle = (
            table.index_select(0, self._cursor)[0]
            for table in (self._chosen, self._rates, self._idle)
        )
        if self._kept is None:
            return _Row(chosen, rates, idle, None)
        if self._noise is None:
            noise = self._kept.index_select(0, self._cursor)[0]
        else:
            noise = self._kept.bernoulli_(self._share, generator=self._noise)[0]
        before, after = torch.split(noise, self._widths, dim=1)
        return _Row(chosen, rates, idle, Kept(before, after, self._share))

    def note(self, loss: Tensor, mass: Tensor) -> None:
        """Writes the losses of the row, and moves to the next."""
        self.loss.index_copy_(0, self._cursor, loss[None])
        self.mass.index_copy_(0, self._cursor, mass[None])
        self._cursor.add_(1)


def _padded(parts: Sequence[Tensor]) -> Tensor:
    """Rows of unequal lengths, 0 after the end of each; of one row a view."""
    return parts[0][None] if len(parts) == 1 else pad_sequence(list(parts), batch_first=True)
