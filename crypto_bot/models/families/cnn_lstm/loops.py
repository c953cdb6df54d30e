"""The loops of a training step between its matrix products, each one pass, with their way back.

Arrays hold float32, or bfloat16 as `halves` reads it. Parts of rows are taken as views before the
inner loops, which have few arrays each: only so does the compiler see that it may use vectors.
"""

# ruff: noqa: FURB136, PLR0917  # min and max would hide a NaN; compiled code takes places, not names

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from crypto_bot.features.compiled import relaxed
from crypto_bot.models.families.cnn_lstm.halves import (
    cut,
    fitting,
    gain,
    inlined,
    sigmoid,
    tanh,
    wide,
)

Numbers = npt.NDArray[Any]
"""float32 or bfloat16."""
Singles = npt.NDArray[np.float32]
Wholes = npt.NDArray[np.int64]
Dropout = tuple[np.uint32, np.uint32, np.float32]
"""See `halves.gain`."""

_ONE, _ZERO = np.float32(1.0), np.float32(0.0)


@inlined
def _scale_row(
    row: Singles, runs: Wholes, mean: Singles, inverse: Singles, limit: Any, told: Numbers
) -> None:
    for r in range(runs.shape[0]):
        source, target, length = runs[r, 0], runs[r, 1], runs[r, 2]
        x, y = row[source : source + length], told[target : target + length]
        m, s = mean[target : target + length], inverse[target : target + length]
        for j in range(length):
            y[j] = fitting(y, cut((x[j] - m[j]) * s[j], limit))


@relaxed
def gather(
    series: Singles,
    ends: Wholes,
    runs: Wholes,
    mean: Singles,
    inverse: Singles,
    limit: np.float32,
    windows: Numbers,
    newest: Singles,
) -> None:
    """Scaled windows of `series` [bars, all columns] that end at `ends` [batch].

    Into `windows` [blocks, batch, 4 x columns] and `newest` [batch, columns]. `runs`: of columns
    that follow one another, the first in `series`, the first here, and how many.
    """
    blocks, batch, _ = windows.shape
    count = mean.shape[0]
    for b in range(batch):
        first = ends[b] + 1 - 4 * blocks
        for t in range(blocks):
            for k in range(4):
                told = windows[t, b, k * count : (k + 1) * count]
                _scale_row(series[first + 4 * t + k], runs, mean, inverse, limit, told)
        _scale_row(series[ends[b]], runs, mean, inverse, limit, newest[b])


@relaxed
def relu(before: Numbers, bias: Singles, after: Numbers) -> None:
    """max(0, before + bias) of [blocks, batch, n]."""
    blocks, batch, count = before.shape
    for t in range(blocks):
        for b in range(batch):
            x, y = before[t, b], after[t, b]
            for j in range(count):
                value = wide(x[j]) + bias[j]
                y[j] = fitting(y, _ZERO if value < _ZERO else value)


@relaxed
def relu_back(d_after: Numbers, after: Numbers, d_before: Numbers, d_bias: Singles) -> None:
    """Back through `relu`; `d_bias` is added to."""
    blocks, batch, count = d_before.shape
    for t in range(blocks):
        for b in range(batch):
            y, dy, dx = after[t, b], d_after[t, b], d_before[t, b]
            for j in range(count):
                dx[j] = fitting(dx, wide(dy[j]) if wide(y[j]) > _ZERO else _ZERO)
            for j in range(count):
                d_bias[j] += wide(dx[j])


@relaxed
def advance(
    sums: Numbers, bias: Singles, before: Singles, gates: Numbers, cell: Singles, state: Numbers
) -> None:
    """A step of an LSTM from `sums` [batch, 4 x hidden] and the cells `before` [batch, hidden].

    Into `gates` [batch, 4 x hidden], in the order of torch: i, f, g, o; `cell`, and the end of each
    row of `state`.
    """
    batch, hidden = cell.shape
    first = state.shape[1] - hidden
    for b in range(batch):
        for k in range(4):
            part = slice(k * hidden, (k + 1) * hidden)
            x, added, y = sums[b, part], bias[part], gates[b, part]
            if k == 2:
                for j in range(hidden):
                    y[j] = fitting(y, tanh(wide(x[j]) + added[j]))
            else:
                for j in range(hidden):
                    y[j] = fitting(y, sigmoid(wide(x[j]) + added[j]))
        i, f = gates[b, :hidden], gates[b, hidden : 2 * hidden]
        g, o = gates[b, 2 * hidden : 3 * hidden], gates[b, 3 * hidden :]
        c0, c, h = before[b], cell[b], state[b, first:]
        for j in range(hidden):
            c[j] = wide(f[j]) * c0[j] + wide(i[j]) * wide(g[j])
        for j in range(hidden):
            h[j] = fitting(h, wide(o[j]) * tanh(c[j]))


@relaxed
def advance_back(
    d_state: Numbers,
    gates: Numbers,
    before: Singles,
    cell: Singles,
    d_cell: Singles,
    d_sums: Numbers,
    d_bias: Singles,
) -> None:
    """Back through `advance`: `d_cell` becomes that of the step before, `d_bias` is added to."""
    batch, hidden = cell.shape
    first = d_state.shape[1] - hidden
    for b in range(batch):
        i, f = gates[b, :hidden], gates[b, hidden : 2 * hidden]
        g, o = gates[b, 2 * hidden : 3 * hidden], gates[b, 3 * hidden :]
        d_i, d_f = d_sums[b, :hidden], d_sums[b, hidden : 2 * hidden]
        d_g, d_o = d_sums[b, 2 * hidden : 3 * hidden], d_sums[b, 3 * hidden :]
        dh, dc, c0, c = d_state[b, first:], d_cell[b], before[b], cell[b]
        for j in range(hidden):
            out, seen, back = wide(o[j]), tanh(c[j]), wide(dh[j])
            dc[j] += back * out * (_ONE - seen * seen)
            d_o[j] = fitting(d_o, back * seen * out * (_ONE - out))
        for j in range(hidden):
            enter, candidate = wide(i[j]), wide(g[j])
            d_i[j] = fitting(d_i, dc[j] * candidate * enter * (_ONE - enter))
            d_g[j] = fitting(d_g, dc[j] * enter * (_ONE - candidate * candidate))
        for j in range(hidden):
            keep = wide(f[j])
            d_f[j] = fitting(d_f, dc[j] * c0[j] * keep * (_ONE - keep))
            dc[j] *= keep
        all_four = d_sums[b]
        for j in range(4 * hidden):
            d_bias[j] += wide(all_four[j])


@relaxed
def join(gates: Numbers, cell: Singles, newest: Singles, dropout: Dropout, joined: Singles) -> None:
    """The last state [batch, hidden] beside the newest row [batch, columns], after dropout."""
    batch, hidden = cell.shape
    width = joined.shape[1]
    for b in range(batch):
        o, c, x = gates[b, 3 * hidden :], cell[b], newest[b]
        state, row = joined[b, :hidden], joined[b, hidden:]
        for j in range(hidden):
            state[j] = wide(o[j]) * tanh(c[j]) * gain(dropout, b * width + j)
        for j in range(width - hidden):
            row[j] = x[j] * gain(dropout, b * width + hidden + j)


@relaxed
def join_back(d_joined: Singles, dropout: Dropout, width: int, d_state: Numbers) -> None:
    """Back through `join`, of which the result is `width` wide, to the state [batch, hidden]."""
    batch, hidden = d_state.shape
    for b in range(batch):
        d, h = d_joined[b], d_state[b]
        for j in range(hidden):
            h[j] = fitting(h, d[j] * gain(dropout, b * width + j))


@relaxed
def answer(
    mixed: Singles,
    bias: Singles,
    newest: Singles,
    deep: Singles,
    wide_weight: Singles,
    first: np.float32,
    dropout: Dropout,
    passes: Singles,
    logit: Singles,
) -> None:
    """Logits [batch] of the last layers.

    `mixed` [batch, dense] becomes what passes ReLU and dropout, `passes` takes what each element is
    multiplied by there; `first` is the bias of the deep layer.
    """
    batch, dense = mixed.shape
    for b in range(batch):
        m, p, x = mixed[b], passes[b], newest[b]
        for j in range(dense):
            value = m[j] + bias[j]
            p[j] = gain(dropout, b * dense + j) if value > _ZERO else _ZERO
            m[j] = value * p[j]
        told = first
        for j in range(dense):
            told += m[j] * deep[j]
        for j in range(x.shape[0]):
            told += x[j] * wide_weight[j]
        logit[b] = told


@relaxed
def answer_back(
    slope: Singles, deep: Singles, passes: Singles, d_mixed: Singles, d_bias: Singles
) -> None:
    """Back through `answer` from d loss / d logit [batch]; `d_bias` is added to."""
    batch, dense = d_mixed.shape
    for b in range(batch):
        d, p, s = d_mixed[b], passes[b], slope[b]
        for j in range(dense):
            d[j] = s * deep[j] * p[j]
        for j in range(dense):
            d_bias[j] += d[j]


@relaxed
def log_loss(
    logit: Singles, truth: Singles, weights: Singles, slope: Singles
) -> tuple[float, float]:
    """Weighted mean log loss of logits [batch] with the sum of the weights; its slopes [batch]."""
    mass = 0.0
    for b in range(logit.shape[0]):
        mass += weights[b]
    total = 0.0
    for b in range(logit.shape[0]):
        z, share = float(logit[b]), weights[b] / mass
        total += share * (max(z, 0.0) - z * truth[b] + math.log1p(math.exp(-abs(z))))
        slope[b] = share * (1.0 / (1.0 + math.exp(-z)) - truth[b])
    return total, mass
