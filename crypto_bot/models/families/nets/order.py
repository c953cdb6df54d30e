"""The order of examples over the epochs, and the learning rate of each step."""

from __future__ import annotations

from collections.abc import Callable
from math import cos, pi

import torch
from torch import Tensor

from crypto_bot.models.families.nets.checkpoint import State

_WARM_UP_STEPS = 50


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
