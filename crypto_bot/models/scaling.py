"""Rows a part at a time, and the mean and scale of their columns."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from crypto_bot.models.families.family import Features
from crypto_bot.statistics.rows import Floats, Ints

CLIP = 5.0
"""Networks cut scaled features here: what is further out was never learned from."""
_AT_ONCE = 5_000
"""What stays in the caches of a core; the rows of all the coins would be a second copy of them."""


def in_parts(count: int) -> Iterator[slice]:
    """Slices that cover `count` rows in order.

    What lies in a file is best read so: a column of all the rows would read the whole file.
    """
    for begin in range(0, count, _AT_ONCE):
        yield slice(begin, begin + _AT_ONCE)


def scale_of(features: Features, ends: Ints, columns: Ints) -> tuple[Floats, Floats]:
    """Mean and standard deviation (1 for a constant) [k] of `columns` over the rows `ends`."""

    def mean_of(squared_from: Floats | None) -> Floats:
        total = np.zeros(columns.size)
        for part in in_parts(ends.size):
            values = features[ends[part]][:, columns].astype(np.float64)
            total += (values if squared_from is None else (values - squared_from) ** 2).sum(axis=0)
        return total / ends.size

    mean = mean_of(None)
    scale = np.sqrt(mean_of(mean))
    scale[scale == 0.0] = 1.0
    return mean, scale
