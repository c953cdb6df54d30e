"""95 % intervals of figures that are sums over days.

Calls of one day share the market's moves, whichever coin they are on, and neighbouring days share
its regime. So the unit of the intervals is the day, all coins together, in circular blocks of
days, five unless calls stay open for longer. The variance that such a bootstrap tends to has a
closed form, which is used here: the same interval without drawing samples (Politis and Romano
1992, A circular block-resampling procedure for stationary data).
"""

from __future__ import annotations

from collections.abc import Sequence
from math import fsum, nan, sqrt

from crypto_bot.domain.instant import DAY_MS
from crypto_bot.domain.interval import UNKNOWN, Interval

MIN_CALLS = 30
"""With fewer calls there is an interval and no estimate."""
BLOCK_DAYS = 5
MIN_BLOCKS = 4
"""Minimum number of blocks for an estimate of their variance."""
Z_95 = 1.959963984540054


def whole_days(horizon_ms: int) -> int:
    """Days that hold a horizon, rounded up."""
    return -(-horizon_ms // DAY_MS)


def block_days(horizon_ms: int) -> int:
    """Days in a block, for calls that are settled within `horizon_ms` of their candle's close."""
    return max(BLOCK_DAYS, whole_days(horizon_ms))


def wilson(rate: float, n: float) -> Interval:
    """Wilson's score interval of a proportion (Wilson 1927); [0, 1] without any call."""
    if n <= 0:
        return Interval(nan, 0.0, 1.0)
    z2 = Z_95 * Z_95
    centre = (rate + z2 / (2 * n)) / (1 + z2 / n)
    reach = Z_95 / (1 + z2 / n) * sqrt(rate * (1 - rate) / n + z2 / (4 * n * n))
    return Interval(rate, max(0.0, centre - reach), min(1.0, centre + reach))


def share_interval(
    counts: Sequence[int], hits: Sequence[int], most: int = BLOCK_DAYS
) -> tuple[Interval, float | None]:
    """The share of `hits` in `counts`, one value a day each, with Wilson's interval.

    And as many independent ones as would have this interval: the number over the design effect of
    the days, None below `MIN_BLOCKS` days, where all count. Unknown below `MIN_CALLS`.
    """
    n = sum(counts)
    if not n:
        return UNKNOWN, None
    rate = sum(hits) / n
    effective = _n_effective(counts, hits, rate, most)
    interval = wilson(rate, effective or n)
    return (interval if n >= MIN_CALLS else interval.bounds), effective


def block_variance(deviations: Sequence[float], most: int = BLOCK_DAYS) -> float:
    """Variance of the sum of a stationary series, one value a day, whose deviations add up to 0.

    The limit of a circular block bootstrap: the mean square of its block sums times the k blocks
    that the series has, and k / (k - 1) for a mean taken from the same blocks. Needs `MIN_BLOCKS`
    values or more.
    """
    days = len(deviations)
    block = _block(days, most)
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


def quantile(days: int, most: int = BLOCK_DAYS) -> float:
    """As `t_95`, for the blocks that `days` days have."""
    return t_95(days / _block(days, most) - 1)


def around(
    value: float, deviations: Sequence[float], scale: float = 1.0, most: int = BLOCK_DAYS
) -> Interval:
    """95 % interval of a value that is a sum over days, divided by `scale`.

    `deviations`: how far each day's part of the sum is from its share, in the order of the days;
    they add up to 0. No ends below `MIN_BLOCKS` days.
    """
    days = len(deviations)
    if days < MIN_BLOCKS:
        return Interval(value)
    reach = quantile(days, most) * sqrt(block_variance(deviations, most)) / abs(scale)
    return Interval(value, value - reach, value + reach)


def ratio_interval(
    tops: Sequence[float], bottoms: Sequence[float], most: int = BLOCK_DAYS
) -> Interval:
    """sum(tops) / sum(bottoms) with its interval, one value a day each, days in order.

    A day's deviation is that of its top from its share of the bottom (the delta method). Unknown
    where the bottoms add up to nothing.
    """
    bottom = fsum(bottoms)
    if bottom == 0.0:
        return UNKNOWN
    value = fsum(tops) / bottom
    deviations = [top - value * below for top, below in zip(tops, bottoms, strict=True)]
    return around(value, deviations, bottom, most)


def _n_effective(
    counts: Sequence[int], hits: Sequence[int], rate: float, most: int
) -> float | None:
    if len(counts) < MIN_BLOCKS:
        return None
    n = float(sum(counts))
    flips = n * rate * (1 - rate)
    if flips == 0.0:
        return n
    seen = block_variance([hit - rate * of for of, hit in zip(counts, hits, strict=True)], most)
    widened = (quantile(len(counts), most) / Z_95) ** 2
    return n / max(1.0, widened * seen / flips)


def _block(days: int, most: int) -> int:
    return min(most, days // MIN_BLOCKS)
