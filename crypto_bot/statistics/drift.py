"""How far the newest rows of a model's inputs are from all that it learned from.

Three distances of each column over a window, each in units of the largest that a window of the
training span itself had: so every column brings its own idea of what is usual, and one that is
slow, or the time of day, alarms nobody.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from crypto_bot.statistics.rows import Floats

WINDOW_BARS = 32
STEP_BARS = 4
"""Windows of the training span begin so far apart."""
LIMIT = 2.0
"""Times the largest distance of the span: measured, see docs/results/drift.md."""
MEASURES = ("population stability index", "shift", "equal values in a row")
_DECILES = np.linspace(0.1, 0.9, 9)
_LEAST_SHARE = 1e-3
_LEAST_MOST = 0.25
"""Of the first two: a PSI of .25 is what is commonly called a change (Siddiqi, 2006)."""


class Reference(NamedTuple):
    """What the columns [k] were like in the training span."""

    deciles: Floats
    """[k, 9]."""
    shares: Floats
    """Of the rows between them, [k, 10]."""
    median: Floats
    spread: Floats
    """From the first quartile to the third, [k]."""
    low: Floats
    high: Floats
    """The ends of its values, [k]: one that stays there is not stuck."""
    most: Floats
    """The largest distances of a window, [k, 3] as `MEASURES`."""


class Drift(NamedTuple):
    """A column of a window that is further out than any window was."""

    column: int
    measure: str
    times: float
    """The largest distance of the training span."""


def reference(blocks: Floats) -> Reference:
    """Of `blocks` [n, bars, k] of rows that follow one another, of `WINDOW_BARS` or more each."""
    rows = blocks.reshape(-1, blocks.shape[2])
    deciles = np.quantile(rows, _DECILES, axis=0).T
    low, median, high = np.quantile(rows, (0.25, 0.5, 0.75), axis=0)
    deviation = rows.std(axis=0)
    spread = np.where(high > low, high - low, np.where(deviation > 0.0, deviation, 1.0))
    shares = np.stack([_counts(x, edges) for x, edges in zip(rows.T, deciles, strict=True)])
    shares = np.maximum(shares / rows.shape[0], _LEAST_SHARE)
    ends, most = (rows.min(axis=0), rows.max(axis=0)), np.empty((deciles.shape[0], 3))
    of_none = Reference(deciles, shares, median, spread, *ends, most)
    most = np.stack([distances(block, of_none).max(axis=0) for block in blocks]).max(axis=0)
    most[:, :2] = np.maximum(most[:, :2], _LEAST_MOST)
    return of_none._replace(most=most)


def distances(rows: Floats, known: Reference) -> Floats:
    """Of every window of `rows` [bars, k]: [windows, k, 3], the windows `STEP_BARS` apart."""
    ends = np.arange(WINDOW_BARS, rows.shape[0] + 1, STEP_BARS)
    psi = np.empty((ends.size, rows.shape[1]))
    for k, (x, edges) in enumerate(zip(rows.T, known.deciles, strict=True)):
        found = _windows(np.eye(10)[np.searchsorted(edges, x, side="right")], ends)
        share = (found + 0.5) / (WINDOW_BARS + 5.0)
        psi[:, k] = ((share - known.shares[k]) * np.log(share / known.shares[k])).sum(axis=1)
    shift = np.abs(_windows((rows - known.median) / known.spread, ends)) / WINDOW_BARS
    equal = np.zeros(rows.shape)
    equal[1:] = (rows[1:] == rows[:-1]) & (rows[1:] > known.low) & (rows[1:] < known.high)
    # A few equal values are nothing where the span had none.
    stuck = (_windows(equal, ends) + STEP_BARS) / WINDOW_BARS
    return np.stack((psi, shift, stuck), axis=2)


def drifted(rows: Floats, known: Reference) -> list[Drift]:
    """Columns of the newest window of `rows` [bars, k] that are beyond `LIMIT`, the worst first."""
    times = distances(rows[-WINDOW_BARS:], known)[-1] / known.most
    found = [
        Drift(int(k), MEASURES[measure], float(times[k, measure]))
        for k, measure in np.argwhere(times > LIMIT)
    ]
    return sorted(found, key=lambda each: -each.times)


def _counts(x: Floats, edges: Floats) -> Floats:
    return np.bincount(np.searchsorted(edges, x, side="right"), minlength=10).astype(np.float64)


def _windows(values: Floats, ends: Floats) -> Floats:
    """Sums over the `WINDOW_BARS` rows before each of `ends`."""
    sums = np.concatenate((np.zeros((1, values.shape[1])), values.cumsum(axis=0)))
    return np.asarray(sums[ends] - sums[ends - WINDOW_BARS])
