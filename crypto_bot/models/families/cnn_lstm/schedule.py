"""What a head learns from and how: examples, their order, and the learning rate of each step."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import cos, pi
from typing import NamedTuple

import torch
from torch import Tensor

from crypto_bot.models.families.cnn_lstm.checkpoint import State

_WARM_UP_STEPS = 50


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
    dropout: float
    epoch_examples: int
    stops_early: bool


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
