"""One tower of many coins as one computation to learn from: batched products over the coins.

Every product holds each coin's own weights beside its own windows, so that nothing of one coin, a
NaN least of all, reaches another.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import pad
from torch.nn.utils import parameters_to_vector

from crypto_bot.models.families.cnn_lstm.net import Tower, block_offsets
from crypto_bot.models.families.cnn_lstm.season import WEEK, place_of
from crypto_bot.models.scaling import CLIP

_ALIGNED = 64
"""The weights of a coin take up a multiple of so many numbers: cuBLAS reads matrices whose address
is a multiple of 16 bytes in larger pieces."""


class Kept(NamedTuple):
    """What dropout leaves of the two layers it cuts, [batch, width] each: the same for all coins.

    `share` of them is left on average, and what is left grows by as much.
    """

    before_dense: Tensor
    after_dense: Tensor
    share: float


class TowerStack:
    """The same tower of each coin.

    `vectors` [coins, length] holds the weights as `vector_of` lays them out.
    """

    def __init__(self, towers: Sequence[Tower], window_bars: int, device: torch.device) -> None:
        first = towers[0]
        self.vectors = torch.stack([vector_of(tower) for tower in towers]).to(device)
        self._offsets = block_offsets(window_bars).to(device)
        self._columns = first.columns.to(device)
        self._mean, self._scale = (
            torch.stack(each).to(device)[:, None, None, None]
            for each in ([tower.mean for tower in towers], [tower.scale for tower in towers])
        )
        self._width, self._seasons = first.width, None
        if first.is_seasonal:
            self._clock = first.clock.to(device)
            self._seasons = torch.cat([tower.season for tower in towers]).to(device)
        self._weights, rest = _views(first, self.vectors)
        self._rest = torch.zeros_like(rest)

    def widths(self) -> list[int]:
        """Of the two layers that dropout cuts."""
        _, dense, inputs = self._weights["dense.weight"].shape
        return [inputs, dense]

    def gradient(self, loss: Tensor) -> Tensor:
        """Of `loss`, by all the weights, in the order of `vectors`: [coins, length]."""
        parts = torch.autograd.grad(loss, list(self._weights.values()))
        return torch.cat([*(part.flatten(1) for part in parts), self._rest], dim=1)

    def logits(self, features: Tensor, ends: Tensor, kept: Kept | None = None) -> Tensor:
        """Logits [coins, batch] of the windows that end at rows `ends` [coins, batch].

        `features`: the series [bars, all columns] of all the coins.
        """
        blocks = self._gathered(features, ends)
        newest = blocks[:, -1, :, -self._width :]
        both = torch.cat((self._last_hidden(blocks), newest), dim=2)
        if kept is not None:
            both = both * (kept.before_dense / kept.share)
        mixed = torch.relu(self._layer("dense", both))
        if kept is not None:
            mixed = mixed * (kept.after_dense / kept.share)
        wide = torch.bmm(newest, self._weights["wide.weight"].transpose(1, 2))
        return (self._layer("deep", mixed) + wide)[..., 0]

    def _gathered(self, features: Tensor, ends: Tensor) -> Tensor:
        """Scaled windows [coins, blocks, batch, 4 x width], as `cnn_lstm.gather` makes them."""
        at = ends[:, None, :, None] + self._offsets
        whole = features.index_select(0, at.reshape(-1))
        shaped = whole.index_select(1, self._columns).view(*at.shape, -1)
        own = (shaped - self._mean).div_(self._scale).clamp_(-CLIP, CLIP)
        if self._seasons is not None:
            coins = torch.arange(at.shape[0], device=at.device) * WEEK
            places = place_of(whole.index_select(1, self._clock)).view(at.shape)
            own = torch.cat((own, self._seasons[places + coins[:, None, None, None]]), dim=4)
        return own.flatten(3)

    def _last_hidden(self, blocks: Tensor) -> Tensor:
        """The LSTM's state [coins, batch, hidden] after the newest block.

        What the blocks add to its gates is one product for all of them; what is left for each step
        is the product with the state before it.
        """
        joined = torch.relu(self._layer("conv", blocks.flatten(1, 2)))
        bias = self._weights["lstm.bias_ih_l0"] + self._weights["lstm.bias_hh_l0"]
        entering = self._weights["lstm.weight_ih_l0"].transpose(1, 2)
        inputs = torch.baddbmm(bias[:, None], joined, entering)
        first, *others = inputs.view(*blocks.shape[:3], -1).unbind(1)
        recurrent = self._weights["lstm.weight_hh_l0"].transpose(1, 2)
        hidden, cell = _advanced(first, None)  # before it there is nothing to multiply with
        for each in others:
            hidden, cell = _advanced(torch.baddbmm(each, hidden, recurrent), cell)
        return hidden

    def _layer(self, name: str, inputs: Tensor) -> Tensor:
        weight = self._weights[f"{name}.weight"].transpose(1, 2)
        return torch.baddbmm(self._weights[f"{name}.bias"][:, None], inputs, weight)


def vector_of(tower: Tower) -> Tensor:
    """A copy of the weights of `tower` [length], in the order of its parameters; 0 after them."""
    whole = parameters_to_vector(tower.parameters()).detach()
    return pad(whole, (0, -whole.shape[0] % _ALIGNED))


@torch.no_grad()
def put_vector(tower: Tower, vector: Tensor) -> None:
    """Gives `tower` the weights of a vector that `vector_of` made."""
    weights = list(tower.parameters())
    *parts, _ = torch.split(vector, _lengths(weights, vector.shape[0]))
    for weight, part in zip(weights, parts, strict=True):
        weight.copy_(part.view_as(weight))


def _views(tower: Tower, vectors: Tensor) -> tuple[dict[str, Tensor], Tensor]:
    """Each weight [coins, …] by its name, as a leaf that reads from `vectors`; and what is left."""
    named = dict(tower.named_parameters())
    *parts, rest = torch.split(vectors, _lengths(named.values(), vectors.shape[1]), dim=1)
    views = {
        name: part.view(-1, *weight.shape).detach().requires_grad_()
        for (name, weight), part in zip(named.items(), parts, strict=True)
    }
    return views, rest


def _lengths(weights: Iterable[Tensor], length: int) -> list[int]:
    """How a vector of `length` is split into `weights` and what is left."""
    counts = [weight.numel() for weight in weights]
    return [*counts, length - sum(counts)]


def _advanced(gates: Tensor, cell: Tensor | None) -> tuple[Tensor, Tensor]:
    """(hidden, cell) after one step of an LSTM; its gates in the order of torch: i, f, g, o."""
    enter, forget, candidate, leave = gates.chunk(4, dim=2)
    entered = torch.sigmoid(enter) * torch.tanh(candidate)
    cell = entered if cell is None else torch.addcmul(entered, torch.sigmoid(forget), cell)
    return torch.sigmoid(leave) * torch.tanh(cell), cell
