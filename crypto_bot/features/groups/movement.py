"""How a series moved up to each close: changes, means and ranks.

Values are (n,), one for each close, NaN where not known; results are those of the last n - REACH
closes, NaN likewise. A result has the same bits whatever else is asked for with it.
"""

from __future__ import annotations

import numpy as np

from crypto_bot.market_data.observations import Floats

REACH = 384
"""Closes before one that it may depend on."""


def log(values: Floats) -> Floats:
    """The natural logarithm, of all n; NaN where there is none."""
    return np.log(np.where(values > 0.0, values, np.nan))


def newest(values: Floats) -> Floats:
    """The value itself."""
    return values[REACH:]


def change(values: Floats, bars: int) -> Floats:
    """The value less that of `bars` closes before."""
    return values[REACH:] - values[REACH - bars : values.size - bars]


def mean(values: Floats, bars: int) -> Floats:
    """Mean of the last `bars` values, all of them known."""
    return np.add.accumulate(_windows(values, bars), axis=1)[:, -1] / bars


def rank(values: Floats, bars: int, step: int = 1) -> Floats:
    """Place of the value among the last `bars`, of which every `step`-th is looked at.

    From -1, below all others, to 1; at least half of those that are looked at must be known.
    """
    windows = _windows(values, bars)[:, ::-step]
    own = windows[:, :1]
    below = (windows < own).sum(axis=1)
    above = (windows > own).sum(axis=1)
    known = np.isfinite(windows).sum(axis=1)
    sound = np.isfinite(own[:, 0]) & (2 * known >= windows.shape[1])
    return np.where(sound, (below - above) / np.maximum(known - 1, 1), np.nan)


def _windows(values: Floats, bars: int) -> Floats:
    """(n - REACH, bars), the value itself last."""
    return np.lib.stride_tricks.sliding_window_view(values[REACH - bars + 1 :], bars)
