"""The Transformer family: two encoder layers over the window, and the mean over its bars."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar, NamedTuple

import torch
from torch import Tensor, nn

from crypto_bot.domain.errors import ConfigError
from crypto_bot.models.families.family import FitOptions
from crypto_bot.models.families.nets.family import Body, WindowFamily, size_of, training_of
from crypto_bot.models.families.nets.training import TrainingSettings

LAYERS, HEADS = 2, 4
_LONGEST_WAVE = 10_000.0


class Size(NamedTuple):
    """Width of each bar, and of the layer inside each encoder."""

    width: int
    inner: int


SIZES = {"default": Size(64, 128), "small": Size(32, 64), "tiny": Size(16, 16)}


@dataclass(frozen=True, slots=True)
class TransformerSettings(TrainingSettings):
    """How it is trained; `dropout` after the attention and in the inner layer of each encoder."""

    optimiser: str = "adamw"
    rate: str = "cosine"
    weight_decay: float = 0.01
    dropout: float = 0.1

    def __post_init__(self) -> None:
        TrainingSettings.__post_init__(self)
        if not 0.0 <= self.dropout < 1.0:
            raise ConfigError(f"dropout {self.dropout}: use a number from 0 to below 1")


class Encoder(nn.Module):
    """Windows [batch, bars, inputs] to [batch, width]."""

    positions: Tensor

    def __init__(self, inputs: int, window_bars: int, size: Size, dropout: float) -> None:
        super().__init__()
        self.enter = nn.Linear(inputs, size.width)
        self.register_buffer("positions", positions(window_bars, size.width), persistent=False)
        self.layers = nn.Sequential(*(_layer(size, dropout) for _ in range(LAYERS)))
        self.norm = nn.LayerNorm(size.width)

    def forward(self, windows: Tensor) -> Tensor:
        bars: Tensor = self.norm(self.layers(self.enter(windows) + self.positions))
        return bars.mean(dim=1)


def _layer(size: Size, dropout: float) -> nn.Module:
    layer = nn.TransformerEncoderLayer(
        size.width, HEADS, size.inner, dropout, batch_first=True, norm_first=True
    )
    # Dropping attention weights rules out the fused kernel, which takes half of the time.
    layer.self_attn.dropout = 0.0
    return layer


def positions(bars: int, width: int) -> Tensor:
    """Sines and cosines [bars, width] that tell the bars apart.

    After Vaswani et al., Attention Is All You Need (2017), section 3.5.
    """
    waves = _LONGEST_WAVE ** (-torch.arange(0, width, 2) / width)
    angles = torch.arange(bars)[:, None] * waves
    return torch.stack((angles.sin(), angles.cos()), dim=2).flatten(1)


@dataclass(frozen=True)
class TransformerFamily(WindowFamily):
    """The Transformer encoder."""

    settings: TransformerSettings = field(default_factory=TransformerSettings)

    file: ClassVar[str] = "transformer.pth"

    @staticmethod
    def settings_for(options: FitOptions, *, fine_tuning: bool = False) -> TransformerSettings:
        return training_of(TransformerSettings(), options, fine_tuning=fine_tuning)

    @staticmethod
    def body(inputs: int, steps: int, size: str, settings: TransformerSettings) -> Body:
        chosen: Size = size_of(SIZES, size)
        return Body(Encoder(inputs, steps, chosen, settings.dropout), chosen.width)
