"""A training step of a tower on the CPU, written out: loss and gradients without autograd.

Windows are gathered and scaled in one pass, time-major; the LSTM's input and state are one row, so
each of its steps is one matrix product. Cells, functions, sums, the dense layer and the weights
themselves are float32; the large matrix products take what the arithmetic says.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from crypto_bot.models.families.cnn_lstm import loops
from crypto_bot.models.families.cnn_lstm.arithmetic import BF16, FLOAT32, MIXED
from crypto_bot.models.families.cnn_lstm.net import BLOCK_BARS, CLIP, Tower

_TAKEN = {
    FLOAT32: (torch.float32, torch.float32),
    MIXED: (torch.float32, torch.bfloat16),
    BF16: (torch.bfloat16, torch.bfloat16),
}
"""By the large matrix products, forward and back."""


class WrittenStep:
    """Loss and gradients of `tower` over windows of `window_bars` rows.

    `flat` is all its weights as one parameter, its gradient theirs: until `release`, the weights of
    the tower are views of it. Dropout is drawn from torch's random numbers, two keys for each step.
    """

    def __init__(self, tower: Tower, window_bars: int, arithmetic: str) -> None:
        self._tower = tower
        self.flat = nn.Parameter(torch.cat([each.detach().ravel() for each in tower.parameters()]))
        self.flat.grad = torch.zeros_like(self.flat)
        weights, gradients = {}, {}
        begun = 0
        for name, each in tower.named_parameters():
            part = slice(begun, begun + each.numel())
            begun = part.stop
            weights[name] = each.data = self.flat.data[part].view(each.shape)
            gradients[name] = self.flat.grad[part].view(each.shape)
        self._shared = _Shared(tower, weights, gradients, *_TAKEN[arithmetic])
        self._blocks = window_bars // BLOCK_BARS
        self._batches: dict[int, _Batch] = {}

    @property
    def weights(self) -> list[nn.Parameter]:
        """All of them as one parameter."""
        return [self.flat]

    def release(self) -> None:
        """Gives the tower weights of its own again."""
        for each in self._tower.parameters():
            each.data = each.data.clone()

    @torch.no_grad()
    def learn_from(
        self, features: Tensor, ends: Tensor, truth: Tensor, weights: Tensor
    ) -> tuple[float, float]:
        """The weighted mean log loss and the sum of the weights; its gradient replaces `flat`'s.

        Of the windows of `features` [bars, all columns] that end at `ends` [batch].
        """
        size = ends.shape[0]
        batch = self._batches.get(size)
        if batch is None:
            batch = self._batches[size] = _Batch(self._shared, self._blocks, size)
        assert self.flat.grad is not None
        self.flat.grad.zero_()
        first, second = self._dropouts()
        self._shared.read()
        batch.see(features.numpy(), ends.numpy())
        batch.recur()
        told = batch.answer(truth.numpy(), weights.numpy(), first, second)
        batch.recur_back()
        batch.see_back()
        return told

    def _dropouts(self) -> tuple[loops.Dropout, loops.Dropout]:
        rate = self._tower.dropout.p if self._tower.training else 0.0
        bound, rise = np.uint32(rate * 2**32), np.float32(1.0 / (1.0 - rate))
        first, second = torch.randint(2**32, (2,)).tolist() if rate else (0, 0)
        return (np.uint32(first), bound, rise), (np.uint32(second), bound, rise)


class _Sizes(NamedTuple):
    columns: int
    channels: int
    hidden: int
    dense: int


class _Shared:
    """What steps of all batch sizes read and add to: weights as the products take them, gradients.

    Input and state of the LSTM are one row, and so are their weights.
    """

    def __init__(
        self,
        tower: Tower,
        weights: dict[str, Tensor],
        gradients: dict[str, Tensor],
        ahead: torch.dtype,
        back: torch.dtype,
    ) -> None:
        self.weights, self.gradients = weights, gradients
        self.ahead, self.back = ahead, back
        channels, hidden = tower.conv.out_features, tower.lstm.hidden_size
        self.sizes = _Sizes(tower.columns.numel(), channels, hidden, tower.dense.out_features)
        columns = tower.columns.numpy()
        begins = np.flatnonzero(np.diff(columns, prepend=-2) != 1)
        lengths = np.diff(begins, append=columns.size)
        self.runs = np.stack((columns[begins], begins, lengths), axis=1)
        self.mean, self.inverse = tower.mean.numpy(), (1.0 / tower.scale).numpy()
        self.conv = torch.empty(weights["conv.weight"].shape, dtype=ahead)
        self.lstm = torch.empty(4 * hidden, channels + hidden, dtype=ahead)
        self.lstm_back = self.lstm if ahead == back else torch.empty_like(self.lstm, dtype=back)
        self.lstm_bias = torch.empty(4 * hidden)

    def read(self) -> None:
        """Takes the weights as they are now."""
        w, channels = self.weights, self.sizes.channels
        self.conv.copy_(w["conv.weight"])
        self.lstm[:, :channels].copy_(w["lstm.weight_ih_l0"])
        self.lstm[:, channels:].copy_(w["lstm.weight_hh_l0"])
        torch.add(w["lstm.bias_ih_l0"], w["lstm.bias_hh_l0"], out=self.lstm_bias)
        if self.lstm_back is not self.lstm:
            self.lstm_back.copy_(self.lstm)


class _Batch:
    """A step over `size` windows: every array is made once, and so is every view of one."""

    def __init__(self, shared: _Shared, blocks: int, size: int) -> None:
        self._shared = shared
        columns, channels, hidden, dense = shared.sizes
        row, ahead, back = channels + hidden, shared.ahead, shared.back
        self._windows = torch.zeros(blocks, size, BLOCK_BARS * columns, dtype=ahead)
        self._convolved = torch.zeros(blocks, size, channels, dtype=ahead)
        # Beside what the convolution found in a block: the state before that block.
        self._inputs = torch.zeros(blocks + 1, size, row, dtype=ahead)
        self._sums = torch.zeros(size, 4 * hidden, dtype=ahead)
        self._gates = torch.zeros(blocks, size, 4 * hidden, dtype=ahead)
        self._cells = torch.zeros(blocks + 1, size, hidden)
        self._newest, self._joined = torch.zeros(size, columns), torch.zeros(size, hidden + columns)
        self._mixed, self._passes = torch.zeros(size, dense), torch.zeros(size, dense)
        self._logit, self._slope = torch.zeros(size), torch.zeros(size)
        self._d_mixed, self._d_joined = torch.zeros(size, dense), torch.zeros(size, hidden)
        self._d_state = torch.zeros(size, hidden, dtype=back)
        self._d_cell = torch.zeros(size, hidden)
        self._d_sums = torch.zeros(blocks, size, 4 * hidden, dtype=back)
        self._d_inputs = torch.zeros(blocks, size, row, dtype=back)
        self._d_convolved = torch.zeros(blocks, size, channels, dtype=back)
        self._windows_back, self._inputs_back = self._windows, self._inputs
        if ahead != back:
            self._windows_back = torch.zeros_like(self._windows, dtype=back)
            self._inputs_back = torch.zeros_like(self._inputs, dtype=back)
        self._ahead = [self._block(number) for number in range(blocks)]
        self._back = [self._block_back(number) for number in reversed(range(blocks))]

    def _block(self, number: int) -> tuple[Tensor, Tensor, tuple[Any, ...]]:
        """Factors of a block's product, and what `loops.advance` takes. The first state is 0."""
        shared, channels = self._shared, self._shared.sizes.channels
        used = slice(channels if number == 0 else None)
        cells, after = self._cells.numpy(), _array(self._inputs)[number + 1]
        return (
            self._inputs[number, :, used],
            shared.lstm[:, used].t(),
            (
                _array(self._sums),
                shared.lstm_bias.numpy(),
                cells[number],
                _array(self._gates)[number],
                cells[number + 1],
                after,
            ),
        )

    def _block_back(self, number: int) -> tuple[tuple[Any, ...], Tensor, Tensor, Tensor]:
        """What `loops.advance_back` takes, and the factors and place of the product after it."""
        shared, channels = self._shared, self._shared.sizes.channels
        used = slice(channels if number == 0 else None)
        cells, d_inputs = self._cells.numpy(), _array(self._d_inputs)
        d_state = _array(self._d_state)
        if number < len(d_inputs) - 1:
            d_state = d_inputs[number + 1]
        return (
            (
                d_state,
                _array(self._gates)[number],
                cells[number],
                cells[number + 1],
                self._d_cell.numpy(),
                _array(self._d_sums)[number],
                shared.gradients["lstm.bias_ih_l0"].numpy(),
            ),
            self._d_sums[number],
            shared.lstm_back[:, used],
            self._d_inputs[number, :, used],
        )

    def see(self, features: loops.Singles, ends: loops.Wholes) -> None:
        """Gathers the windows and joins their bars by the convolution."""
        shared = self._shared
        scale = shared.runs, shared.mean, shared.inverse, np.float32(CLIP)
        loops.gather(features, ends, *scale, _array(self._windows), self._newest.numpy())
        torch.mm(_rows(self._windows), shared.conv.t(), out=_rows(self._convolved))
        bias = shared.weights["conv.bias"].numpy()
        loops.relu(_array(self._convolved), bias, _array(self._inputs)[:-1])
        if self._windows_back is not self._windows:
            self._windows_back.copy_(self._windows)

    def recur(self) -> None:
        """The LSTM."""
        for inputs, weight, around in self._ahead:
            torch.mm(inputs, weight, out=self._sums)
            loops.advance(*around)
        if self._inputs_back is not self._inputs:
            self._inputs_back.copy_(self._inputs)

    def answer(
        self,
        truth: loops.Singles,
        weights: loops.Singles,
        first: loops.Dropout,
        second: loops.Dropout,
    ) -> tuple[float, float]:
        """The layers after the LSTM, there and back; the loss and the sum of the weights."""
        w, grad = self._shared.weights, self._shared.gradients
        newest, mixed, passes = self._newest.numpy(), self._mixed.numpy(), self._passes.numpy()
        gates, cell = _array(self._gates)[-1], self._cells.numpy()[-1]
        loops.join(gates, cell, newest, first, self._joined.numpy())
        torch.mm(self._joined, w["dense.weight"].t(), out=self._mixed)
        deep, wide = w["deep.weight"].numpy()[0], w["wide.weight"].numpy()[0]
        bias, base = w["dense.bias"].numpy(), np.float32(w["deep.bias"].item())
        logit, slope = self._logit.numpy(), self._slope.numpy()
        loops.answer(mixed, bias, newest, deep, wide, base, second, passes, logit)
        told = loops.log_loss(logit, truth, weights, slope)
        loops.answer_back(slope, deep, passes, self._d_mixed.numpy(), grad["dense.bias"].numpy())
        torch.mm(self._slope[None], self._mixed, out=grad["deep.weight"])
        torch.sum(self._slope, dim=0, keepdim=True, out=grad["deep.bias"])
        torch.mm(self._slope[None], self._newest, out=grad["wide.weight"])
        torch.mm(self._d_mixed.t(), self._joined, out=grad["dense.weight"])
        hidden = self._shared.sizes.hidden
        torch.mm(self._d_mixed, w["dense.weight"][:, :hidden], out=self._d_joined)
        width = self._joined.shape[1]
        loops.join_back(self._d_joined.numpy(), first, width, _array(self._d_state))
        return told

    def recur_back(self) -> None:
        """Back through the LSTM, into its gradients and to what the convolution found."""
        grad, channels, size = self._shared.gradients, self._shared.sizes.channels, len(self._sums)
        self._d_cell.zero_()
        for around, d_sums, weight, d_inputs in self._back:
            loops.advance_back(*around)
            torch.mm(d_sums, weight, out=d_inputs)
        grad["lstm.bias_hh_l0"].copy_(grad["lstm.bias_ih_l0"])
        sums, inputs = _rows(self._d_sums).t(), _rows(self._inputs_back[:-1])
        grad["lstm.weight_ih_l0"].copy_(torch.mm(sums, inputs[:, :channels]))
        # The state before the first block is 0.
        grad["lstm.weight_hh_l0"].copy_(torch.mm(sums[:, size:], inputs[size:, channels:]))

    def see_back(self) -> None:
        """Back through the convolution, into its gradients."""
        grad = self._shared.gradients
        convolved = _array(self._inputs)[:-1]
        d_convolved, d_bias = _array(self._d_convolved), grad["conv.bias"].numpy()
        loops.relu_back(_array(self._d_inputs), convolved, d_convolved, d_bias)
        found = torch.mm(_rows(self._d_convolved).t(), _rows(self._windows_back))
        grad["conv.weight"].copy_(found)


def _array(tensor: Tensor) -> npt.NDArray[Any]:
    """The same memory, as `loops` reads it."""
    if tensor.dtype is torch.bfloat16:
        tensor = tensor.view(torch.uint16)
    made: npt.NDArray[Any] = tensor.numpy()
    return made


def _rows(tensor: Tensor) -> Tensor:
    return tensor.view(-1, tensor.shape[-1])
