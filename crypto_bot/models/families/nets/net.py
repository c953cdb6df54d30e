"""What networks of a window share: scaled inputs, windows by index, and answers."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from crypto_bot.models.scaling import CLIP
from crypto_bot.statistics.rows import Floats, Ints


class WindowNet(nn.Module):
    """Raw windows in, logits of the classes out.

    `columns` [k] are read of every `step_bars`th row, the newest among them; `body` turns their
    scaled values [batch, steps, k] into [batch, width].
    """

    columns: Tensor
    window_bars: Tensor
    step_bars: Tensor
    mean: Tensor
    scale: Tensor

    def __init__(
        self,
        columns: Ints,
        window_bars: int,
        classes: int,
        body: nn.Module,
        width: int,
        *,
        step_bars: int = 1,
    ) -> None:
        super().__init__()
        self.register_buffer("columns", torch.from_numpy(columns), persistent=False)
        self.register_buffer("window_bars", torch.tensor(window_bars))
        # Files of networks that read every row do not name it.
        self.register_buffer("step_bars", torch.tensor(step_bars), persistent=step_bars > 1)
        self._rows = slice((window_bars - 1) % step_bars, None, step_bars)
        self.register_buffer("mean", torch.zeros(columns.size))
        self.register_buffer("scale", torch.ones(columns.size))
        self.body = body
        self.out = nn.Linear(width, classes)

    @torch.no_grad()
    def start_at(self, shares: Floats) -> None:
        """Makes the untrained network answer about `shares` [classes] to everything.

        Its last weights are not 0: what three LSTMs make of a window is at first so small that no
        gradient would tell the weights before them apart.
        """
        self.out.bias.copy_(torch.from_numpy(shares).log())

    def fix_scale(self, mean: Floats, scale: Floats) -> None:
        """Sets mean and scale of each of its columns."""
        self.mean.copy_(torch.from_numpy(mean))
        self.scale.copy_(torch.from_numpy(scale))

    def forward(self, windows: Tensor) -> Tensor:
        """Logits [batch, classes] of `windows` [batch, window_bars, all columns]."""
        own = windows[:, self._rows].index_select(2, self.columns)
        scaled = ((own - self.mean) / self.scale).clamp(-CLIP, CLIP)
        logits: Tensor = self.out(self.body(scaled))
        return logits


def windows_of(features: Tensor, ends: Tensor, window_bars: int) -> Tensor:
    """Windows [batch, window_bars, columns] of `features` that end at rows `ends` [batch]."""
    at = ends[:, None] + torch.arange(1 - window_bars, 1, device=ends.device)
    return features.index_select(0, at.reshape(-1)).view(*at.shape, -1)


@torch.inference_mode()
def answers(net: WindowNet, features: Tensor, ends: Tensor, at_once: int = 1) -> Tensor:
    """Logits [n, classes] of the windows of `features` that end at rows `ends` [n].

    `net` is in its mode for answering. With one row at a time an answer depends on nothing but its
    window: a matrix product of many rows may round each differently by their number and its place.
    """
    bars = int(net.window_bars)
    logits = [net(windows_of(features, some, bars)) for some in torch.split(ends, at_once)]
    return torch.cat(logits) if logits else torch.empty(0, net.out.out_features)
