"""The CNN-LSTM: a tower for each head, raw features in, raw logits out.

A tower scales each column by fixed numbers, joins every four bars by a convolution whose stride
is its width, runs a unidirectional LSTM over the blocks, and reads its last state beside the newest
row. Blocks are counted back from the newest row and none reaches before the window, so all but the
newest row can be computed before the close (`stacked.py`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from crypto_bot.domain.errors import ConfigError
from crypto_bot.models.families.cnn_lstm.season import INPUTS, WEEK, place_of
from crypto_bot.models.scaling import CLIP
from crypto_bot.statistics.rows import Floats, Ints

BLOCK_BARS = 4
_AT_ONCE = 256
"""Rows answered in one forward."""


class Size(NamedTuple):
    """Channels of the convolution, units of the LSTM and of the dense layer, in each tower."""

    channels: int
    hidden: int
    dense: int


SIZES = {"default": Size(128, 192, 160), "small": Size(64, 96, 64), "tiny": Size(8, 8, 8)}
"""`default` has 691,530 parameters on `per_coin_v2`, `small` 201,290 and `tiny` 9,530."""


@dataclass(frozen=True, slots=True)
class Architecture:
    """Shape of a network: a window of `window_bars` rows, and the columns that each head reads.

    `clock`: the two columns of `season.place_of`, from which the move head also has the time of the
    week; none where the features do not have them.
    """

    window_bars: int
    move_columns: tuple[int, ...]
    up_columns: tuple[int, ...]
    size: str = "default"
    clock: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        if self.size not in SIZES:
            raise ConfigError(f"unknown size '{self.size}': use one of {', '.join(SIZES)}")
        if self.window_bars < 2 * BLOCK_BARS or self.window_bars % BLOCK_BARS:
            raise ConfigError(
                f"a window of {self.window_bars} bars: use a multiple of {BLOCK_BARS}, "
                f"at least {2 * BLOCK_BARS}"
            )


class Tower(nn.Module):
    """One question of `columns` of the features, and of the time that `clock` tells; its logit."""

    columns: Tensor
    mean: Tensor
    scale: Tensor
    clock: Tensor
    season: Tensor

    def __init__(self, columns: Ints, size: Size, clock: tuple[int, ...] = ()) -> None:
        super().__init__()
        self.is_seasonal = bool(clock)
        self.width = count = columns.size + INPUTS * self.is_seasonal
        self.register_buffer("columns", torch.from_numpy(columns.astype(np.int64)))
        self.register_buffer("mean", torch.zeros(columns.size))
        self.register_buffer("scale", torch.ones(columns.size))
        if self.is_seasonal:
            self.register_buffer("clock", torch.tensor(clock))
            self.register_buffer("season", torch.zeros(WEEK, INPUTS))
        self.conv = nn.Linear(BLOCK_BARS * count, size.channels)
        self.lstm = nn.LSTM(size.channels, size.hidden)
        self.dense = nn.Linear(size.hidden + count, size.dense)
        self.deep = nn.Linear(size.dense, 1)
        self.wide = nn.Linear(count, 1, bias=False)

    def start_at(self, rate: float) -> None:
        """Makes the untrained tower answer the log odds of `rate` to everything."""
        nn.init.zeros_(self.wide.weight)
        nn.init.zeros_(self.deep.weight)
        nn.init.constant_(self.deep.bias, float(np.log(rate) - np.log1p(-rate)))

    def fix_scale(self, mean: Floats, scale: Floats) -> None:
        """Sets mean and scale of each of its columns."""
        self.mean.copy_(torch.from_numpy(mean))
        self.scale.copy_(torch.from_numpy(scale))

    def scaled(self, features: Tensor) -> Tensor:
        """Its inputs [..., width] of `features` [..., all columns]: scaled, cut, and the season."""
        own = features.index_select(-1, self.columns)
        own = (own - self.mean).div_(self.scale).clamp_(-CLIP, CLIP)
        if not self.is_seasonal:
            return own
        places = place_of(features.index_select(-1, self.clock))
        return torch.cat((own, self.season[places]), dim=-1)

    def forward(self, blocks: Tensor) -> Tensor:
        """Logits [batch] of scaled windows, time-major: [blocks, batch, 4 x width]."""
        joined = torch.relu(self.conv(blocks))
        _, (last, _) = self.lstm(joined)
        newest = blocks[-1, :, -self.width :]
        mixed = torch.relu(self.dense(torch.cat((last[0], newest), dim=1)))
        logit: Tensor = self.deep(mixed) + self.wide(newest)
        return logit[:, 0]


class CnnLstmNet(nn.Module):
    """Both towers; a state dict of it is the whole model."""

    window_bars: Tensor

    def __init__(self, architecture: Architecture) -> None:
        super().__init__()
        size = SIZES[architecture.size]
        self.register_buffer("window_bars", torch.tensor(architecture.window_bars))
        self.move = Tower(np.array(architecture.move_columns, np.int64), size, architecture.clock)
        self.up = Tower(np.array(architecture.up_columns, np.int64), size)


def block_offsets(window_bars: int) -> Tensor:
    """Rows of a window relative to its newest, by block and bar: [blocks, 1, 4]."""
    return torch.arange(1 - window_bars, 1).reshape(-1, 1, BLOCK_BARS)


def gather(tower: Tower, features: Tensor, ends: Tensor, offsets: Tensor) -> Tensor:
    """Windows that end at rows `ends` [batch] of `features` [bars, all columns], for `tower`.

    `offsets` are `block_offsets`, on the device of the others. Only what is gathered is scaled: the
    series of all the coins stays where it is, once for all who read it.
    """
    at = ends.reshape(1, -1, 1) + offsets
    rows = tower.scaled(features.index_select(0, at.reshape(-1)))
    return rows.view(at.shape[0], at.shape[1], -1)


@torch.inference_mode()
def answers(tower: Tower, features: Tensor, ends: Tensor, window_bars: int) -> Tensor:
    """Logits [n] of the windows of `features` that end at `ends` [n]."""
    offsets = block_offsets(window_bars)
    logits = [tower(gather(tower, features, some, offsets)) for some in torch.split(ends, _AT_ONCE)]
    return torch.cat(logits) if logits else torch.empty(0)
