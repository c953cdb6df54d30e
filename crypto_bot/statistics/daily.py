"""95 % intervals of figures that are sums over days.

Calls of one day share the market's moves, whichever coin they are on, and neighbouring days share
its regime. So the unit of the intervals is the day, all coins together, in circular blocks of up to
five days. The variance that such a bootstrap tends to has a closed form, which is used here: the
same interval without drawing samples (Politis and Romano 1992, A circular block-resampling
procedure for stationary data).
"""

from __future__ import annotations

from collections.abc import Sequence
from math import fsum, sqrt
from typing import NamedTuple

MIN_CALLS = 30
"""Below this many calls there is an interval and no estimate."""
BLOCK_DAYS = 5
MIN_BLOCKS = 4
"""Fewer blocks than this say nothing of how much they differ."""
Z_95 = 1.959963984540054


class Interval(NamedTuple):
    """A 95 % interval."""

    low: float
    high: float


def wilson(rate: float, n: float) -> Interval:
    """Wilson's score interval of a proportion (Wilson 1927); [0, 1] without any call."""
    if n <= 0:
        return Interval(0.0, 1.0)
    z2 = Z_95 * Z_95
    centre = (rate + z2 / (2 * n)) / (1 + z2 / n)
    reach = Z_95 / (1 + z2 / n) * sqrt(rate * (1 - rate) / n + z2 / (4 * n * n))
    return Interval(max(0.0, centre - reach), min(1.0, centre + reach))


def block_variance(deviations: Sequence[float]) -> float:
    """Variance of the sum of a stationary series, one value a day, whose deviations add up to 0.

    The limit of a circular block bootstrap: the mean square of its block sums times the k blocks
    that the series has, and k / (k - 1) for a mean taken from the same blocks. Needs `MIN_BLOCKS`
    values or more.
    """
    days = len(deviations)
    block = _block_days(days)
    circle = [*deviations, *deviations[: block - 1]]
    squares = sum(sum(circle[at : at + block]) ** 2 for at in range(days))
    return squares / block * days / (days - block)


def t_95(degrees: float) -> float:
    """Two-sided 95 % quantile of Student's t, within 0.2 % from 3 degrees of freedom.

    Abramowitz and Stegun 26.7.5.
    """
    z = Z_95
    return (
        z
        + (z**3 + z) / (4 * degrees)
        + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * degrees**2)
        + (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / (384 * degrees**3)
        + (79 * z**9 + 776 * z**7 + 1482 * z**5 - 1920 * z**3 - 945 * z) / (92160 * degrees**4)
    )


def reach_95(deviations: Sequence[float]) -> float | None:
    """Half the width of the 95 % interval of a sum, from its daily deviations, which add up to 0.

    None below `MIN_BLOCKS` days.
    """
    days = len(deviations)
    if days < MIN_BLOCKS:
        return None
    return t_95(days / _block_days(days) - 1) * sqrt(block_variance(deviations))


def ratio_interval(tops: Sequence[float], bottoms: Sequence[float]) -> Interval | None:
    """95 % interval of sum(tops) / sum(bottoms), one value a day each, days in order.

    A day's deviation is that of its top from its share of the bottom (the delta method). None below
    `MIN_BLOCKS` days, and where the bottoms add up to nothing.
    """
    bottom = fsum(bottoms)
    if bottom == 0.0:
        return None
    value = fsum(tops) / bottom
    reach = reach_95([top - value * below for top, below in zip(tops, bottoms, strict=True)])
    if reach is None:
        return None
    return Interval(value - reach / abs(bottom), value + reach / abs(bottom))


def quantile(days: int) -> float:
    """As `t_95`, for the blocks that `days` days have."""
    return t_95(days / _block_days(days) - 1)


def _block_days(days: int) -> int:
    return min(BLOCK_DAYS, days // MIN_BLOCKS)
