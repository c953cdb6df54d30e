"""How a series moved up to each close: changes, means and ranks.

Values are (n,), one for each close, NaN where not known; so are results, also where a window
reaches back before the first.
"""

from __future__ import annotations

import numpy as np

from crypto_bot.market_data.observations import Floats


def change(values: Floats, bars: int) -> Floats:
    """The value less that of `bars` closes before."""
    found = np.full(values.shape, np.nan)
    found[bars:] = values[bars:] - values[:-bars]
    return found


def log(values: Floats) -> Floats:
    """The natural logarithm; NaN where there is none."""
    return np.log(np.where(values > 0.0, values, np.nan))


def mean(values: Floats, bars: int) -> Floats:
    """Mean of the last `bars` values, all of them known.

    Of sums from the first value on: with the same first value a row has the same bits, whatever
    follows it.
    """
    known = np.isfinite(values)
    totals = np.cumsum(np.where(known, values, 0.0))
    counts = np.cumsum(known)
    totals[bars:] -= totals[:-bars].copy()
    counts[bars:] -= counts[:-bars].copy()
    return np.where(counts == bars, totals / bars, np.nan)


def rank(values: Floats, bars: int, step: int = 1) -> Floats:
    """Place of the value among the last `bars`, of which every `step`-th is looked at.

    From -1, below all others, to 1; at least half of those that are looked at must be known.
    """
    found = np.full(values.shape, np.nan)
    if values.size < bars:
        return found
    windows = np.lib.stride_tricks.sliding_window_view(values, bars)[:, ::-step]
    newest = windows[:, :1]
    below = (windows < newest).sum(axis=1)
    above = (windows > newest).sum(axis=1)
    known = np.isfinite(windows).sum(axis=1)
    sound = np.isfinite(newest[:, 0]) & (2 * known >= windows.shape[1])
    found[bars - 1 :][sound] = (below - above)[sound] / (known - 1)[sound]
    return found
