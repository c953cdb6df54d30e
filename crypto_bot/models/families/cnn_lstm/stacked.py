"""Networks of many coins as one: weights stacked, all but the newest row computed before the close.

Equal to each coin's own forward within rounding (1e-5).
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from typing import NamedTuple

import torch
from torch import Tensor

from crypto_bot.models.families.cnn_lstm.fit import NetModel
from crypto_bot.models.families.cnn_lstm.net import BLOCK_BARS, Tower
from crypto_bot.models.families.cnn_lstm.season import INPUTS, place_of
from crypto_bot.models.families.family import Features
from crypto_bot.models.families.two_heads import HeadLogits, probabilities
from crypto_bot.models.scaling import CLIP
from crypto_bot.statistics.rows import Floats


class _State(NamedTuple):
    """What a tower of each coin knows before the newest row."""

    joined: Tensor
    """Of the newest block, its first three bars: [towers, rows, channels]."""
    gates: Tensor
    """What the last state and the biases add to the LSTM's gates: [towers, rows, 4 x hidden]."""
    cell: Tensor


class _Towers:
    """The same tower of several networks; weights as [towers, inputs, outputs].

    Each answers as many rows: one of a coin of its own, or all coins' where they share a network.
    """

    def __init__(self, towers: Sequence[Tower]) -> None:
        self._columns = towers[0].columns
        self._mean = _stacked([tower.mean for tower in towers])[:, None]
        self._scale = _stacked([tower.scale for tower in towers])[:, None]
        self._seasons: Tensor | None = None
        if towers[0].is_seasonal:
            self._clock = towers[0].clock
            self._seasons = torch.stack([tower.season for tower in towers])
        self._conv = _turned([tower.conv.weight for tower in towers])
        self._conv_bias = _stacked([tower.conv.bias for tower in towers])
        self._input = _turned([tower.lstm.get_parameter("weight_ih_l0") for tower in towers])
        self._recurrent = _turned([tower.lstm.get_parameter("weight_hh_l0") for tower in towers])
        self._gate_bias = _stacked(
            [
                tower.lstm.get_parameter("bias_ih_l0") + tower.lstm.get_parameter("bias_hh_l0")
                for tower in towers
            ]
        )
        self._dense = _turned([tower.dense.weight for tower in towers])
        self._dense_bias = _stacked([tower.dense.bias for tower in towers])
        self._deep = _turned([tower.deep.weight for tower in towers])
        self._deep_bias = _stacked([tower.deep.bias for tower in towers])
        self._wide = _turned([tower.wide.weight for tower in towers])
        for place, tower in enumerate(towers):
            self._share(place, tower)

    def _share(self, place: int, tower: Tower) -> None:
        """Lets `tower` read its large weights from the stack: the same numbers, kept once."""
        for weight, stack in (
            (tower.conv.weight, self._conv),
            (tower.lstm.weight_ih_l0, self._input),
            (tower.lstm.weight_hh_l0, self._recurrent),
            (tower.dense.weight, self._dense),
        ):
            weight.data = stack[place].t()

    def prepare(self, rows: Tensor) -> _State:
        """All rows of the windows but the newest: [towers, rows, window_bars - 1, all columns]."""
        scaled = self._scaled(rows)
        towers, count, bars, width = scaled.shape
        whole = bars // BLOCK_BARS * BLOCK_BARS
        blocks = scaled[:, :, :whole].reshape(towers, -1, BLOCK_BARS * width)
        joined = torch.relu(torch.baddbmm(self._conv_bias, blocks, self._conv))
        inputs = torch.baddbmm(self._gate_bias, joined, self._input).view(
            towers, count, -1, self._input.shape[2]
        )
        hidden = torch.zeros(towers, count, self._recurrent.shape[1], device=rows.device)
        cell = hidden
        for step in range(inputs.shape[2]):
            gates = torch.baddbmm(inputs[:, :, step], hidden, self._recurrent)
            hidden, cell = _advanced(gates, cell)
        begun = scaled[:, :, whole:].reshape(towers, count, -1)
        return _State(
            torch.baddbmm(self._conv_bias, begun, self._conv[:, : begun.shape[2]]),
            torch.baddbmm(self._gate_bias, hidden, self._recurrent),
            cell,
        )

    def answer(self, state: _State, newest: Tensor) -> Tensor:
        """Logits [towers, rows] after the newest rows [towers, rows, all columns]."""
        row = self._scaled(newest[:, :, None])[:, :, 0]
        joined = torch.relu(torch.baddbmm(state.joined, row, self._conv[:, -row.shape[2] :]))
        hidden, _ = _advanced(torch.baddbmm(state.gates, joined, self._input), state.cell)
        both = torch.cat((hidden, row), dim=2)
        mixed = torch.relu(torch.baddbmm(self._dense_bias, both, self._dense))
        logit = torch.baddbmm(self._deep_bias, mixed, self._deep) + torch.bmm(row, self._wide)
        return logit[:, :, 0]

    def _scaled(self, rows: Tensor) -> Tensor:
        own = ((rows[..., self._columns] - self._mean) / self._scale).clamp(-CLIP, CLIP)
        if self._seasons is None:
            return own
        places = place_of(rows[..., self._clock])
        chosen = places.flatten(1)[..., None].expand(-1, -1, INPUTS)
        return torch.cat((own, self._seasons.gather(1, chosen).view(*places.shape, -1)), dim=3)


class NetStack:
    """Networks of one architecture, one for each coin, in the order given.

    One that all coins share is held once and answers for all of them together. The networks stay
    usable on the CPU, where they read their weights from the stack from then on.
    """

    def __init__(self, models: Sequence[NetModel], device: torch.device) -> None:
        shared = all(model is models[0] for model in models)
        nets = [model.net for model in (models[:1] if shared else models)]
        if device.type != "cpu":
            nets = [deepcopy(net).to(device) for net in nets]
        self._shape = (len(nets), len(models) // len(nets))
        self._direction = models[0].direction
        self._device = device
        self._move = _Towers([net.move for net in nets])
        self._up = _Towers([net.up for net in nets])
        self._prepared: tuple[_State, _State] | None = None

    @torch.inference_mode()
    def prepare(self, before: Features) -> None:
        """As `family.Stack.prepare`."""
        rows = torch.from_numpy(before.reshape(*self._shape, *before.shape[1:])).to(self._device)
        self._prepared = self._move.prepare(rows), self._up.prepare(rows)

    @torch.inference_mode()
    def predict_proba(self, newest: Features) -> Floats:
        """As `family.Stack.predict_proba`."""
        assert self._prepared is not None
        row = torch.from_numpy(newest.reshape(*self._shape, -1)).to(self._device)
        states = zip((self._move, self._up), self._prepared, strict=True)
        logits = torch.stack([towers.answer(state, row).flatten() for towers, state in states])
        return probabilities(HeadLogits(*logits.double().cpu().numpy()), self._direction)


def _advanced(gates: Tensor, cell: Tensor) -> tuple[Tensor, Tensor]:
    """(hidden, cell) after one step of an LSTM; its gates in the order of torch: i, f, g, o."""
    # One sigmoid over all the gates: a short slice is computed with other instructions than a long
    # one, so that the last bit of a small network would depend on how many networks there are.
    enter, forget, _, leave = torch.sigmoid(gates).chunk(4, dim=-1)
    cell = forget * cell + enter * torch.tanh(gates.chunk(4, dim=-1)[2])
    return leave * torch.tanh(cell), cell


def _stacked(each: Sequence[Tensor]) -> Tensor:
    return torch.stack([one.detach() for one in each])[:, None]


def _turned(each: Sequence[Tensor]) -> Tensor:
    return torch.stack([one.detach().t() for one in each]).contiguous()
