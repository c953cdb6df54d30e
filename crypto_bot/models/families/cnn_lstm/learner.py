"""Who finds the gradient of a batch: on the CPU the written-out step, elsewhere autograd."""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits as log_loss

from crypto_bot.models.families.cnn_lstm.net import Tower, block_offsets, gather
from crypto_bot.models.families.cnn_lstm.step import WrittenStep


class Learner(Protocol):
    """Finds the gradient of the loss of a batch."""

    @property
    def weights(self) -> list[nn.Parameter]:
        """What the optimiser moves."""
        ...

    def learn_from(
        self, features: Tensor, ends: Tensor, truth: Tensor, weights: Tensor
    ) -> tuple[float, float]:
        """Leaves gradients in `weights`; the weighted mean log loss and the sum of the weights."""
        ...

    def release(self) -> None:
        """Ends the training."""
        ...


class AutogradStep:
    """The step as torch derives it from `Tower.forward`, in float32, on any device."""

    def __init__(self, tower: Tower, window_bars: int, device: torch.device) -> None:
        self.weights = list(tower.parameters())
        self._tower = tower
        self._offsets = block_offsets(window_bars).to(device)

    def learn_from(
        self, features: Tensor, ends: Tensor, truth: Tensor, weights: Tensor
    ) -> tuple[float, float]:
        """See `Learner`."""
        logit = self._tower(gather(self._tower, features, ends, self._offsets))
        mass = weights.sum()
        loss = log_loss(logit, truth, weights, reduction="sum") / mass
        self._tower.zero_grad(set_to_none=True)
        torch.autograd.backward(loss)
        return float(loss.detach()), float(mass)

    def release(self) -> None:
        """The tower's weights have always been its own."""


def learner(tower: Tower, window_bars: int, arithmetic: str, device: torch.device) -> Learner:
    """For `tower`, which is on `device`; `arithmetic` is that of the CPU, a GPU has float32."""
    if device.type == "cpu":
        return WrittenStep(tower, window_bars, arithmetic)
    return AutogradStep(tower, window_bars, device)
