"""What a head learns from and how: its examples, and how long and how fast."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from torch import Tensor


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
