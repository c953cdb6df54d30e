"""Live performance: what the settled calls of each source and coin came to, with intervals.

Calls of one day share the market's moves, whichever coin they are on, and neighbouring days share
its regime. So the unit of the intervals is the day, all coins together, in circular blocks of up to
five days. The variance that such a bootstrap tends to has a closed form, which is used here: the
same interval without drawing samples (Politis and Romano 1992, A circular block-resampling
procedure for stationary data).
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from math import fsum, sqrt
from typing import Any, NamedTuple, TypeVar

from crypto_bot.domain.signal import Source
from crypto_bot.ports import DayRecord

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


@dataclass(frozen=True, slots=True)
class Performance:
    """One record. Estimates are None below `MIN_CALLS` calls; late signals are left out.

    Returns are those of LONG and SHORT calls alone, gross of all costs.
    """

    n: int
    """Settled calls with a label, NO_TRADE among them."""
    days: int
    hits: int
    hit_rate: float | None
    hit_rate_interval: Interval | None
    n_effective: float | None
    """As many independent calls would have this interval; None below 4 days: taken as `n`."""
    trades: int
    mean_return_bps: float | None
    mean_return_interval_bps: Interval | None
    mean_confidence: float | None
    calibration_gap: float | None
    """Mean confidence less hit rate: above 0 is overconfident."""
    brier: float | None
    """Mean of (confidence - correct)^2; smaller is better."""
    brier_baseline: float | None
    """The same of one constant confidence, the hit rate itself."""


@dataclass(frozen=True, slots=True)
class Review:
    """The records in all, by source and by coin."""

    overall: Performance
    by_source: dict[Source, Performance]
    by_symbol: dict[str, Performance]


def review(rows: Sequence[DayRecord]) -> Review:
    """Adds up the days of a prediction log."""
    return Review(
        overall=performance(rows),
        by_source=_grouped(rows, lambda row: row.source),
        by_symbol=_grouped(rows, lambda row: row.symbol),
    )


def performance(rows: Iterable[DayRecord]) -> Performance:
    """The record of all `rows` together; they may come in any order."""
    days = _by_day(rows)
    total = _added(days)
    estimated = total.n >= MIN_CALLS
    hit_rate = total.hits / total.n if total.n else 0.0
    mean_confidence = total.confidence / total.n if total.n else 0.0
    mean_return, returns = _mean_return(days, total)
    n_effective = _n_effective(days, total, hit_rate)
    return Performance(
        n=total.n,
        days=len(days),
        hits=total.hits,
        hit_rate=hit_rate if estimated else None,
        hit_rate_interval=wilson(hit_rate, n_effective or total.n) if total.n else None,
        n_effective=n_effective,
        trades=total.trades,
        mean_return_bps=mean_return if total.trades >= MIN_CALLS else None,
        mean_return_interval_bps=returns,
        mean_confidence=mean_confidence if estimated else None,
        calibration_gap=mean_confidence - hit_rate if estimated else None,
        brier=total.brier / total.n if estimated else None,
        brier_baseline=hit_rate * (1 - hit_rate) if estimated else None,
    )


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


class _Sums(NamedTuple):
    n: int
    hits: int
    trades: int
    return_bps: float
    confidence: float
    brier: float


def _added(sums: Sequence[tuple[Any, ...]]) -> _Sums:
    """Column by column: a log of years has tens of thousands of days and coins."""
    if not sums:
        return _Sums(0, 0, 0, 0.0, 0.0, 0.0)
    n, hits, trades, *measured = zip(*sums, strict=True)
    return _Sums(sum(n), sum(hits), sum(trades), *map(fsum, measured))


def _by_day(rows: Iterable[DayRecord]) -> list[_Sums]:
    """The sums of each day that has calls, ascending."""
    days: dict[int, list[tuple[Any, ...]]] = {}
    for row in rows:
        days.setdefault(row.day, []).append(row[3:])
    return [_added(days[day]) for day in sorted(days)]


def _mean_return(days: Sequence[_Sums], total: _Sums) -> tuple[float | None, Interval | None]:
    if total.trades == 0:
        return None, None
    traded = [day for day in days if day.trades]
    interval = ratio_interval([day.return_bps for day in traded], [day.trades for day in traded])
    return total.return_bps / total.trades, interval


def _n_effective(days: Sequence[_Sums], total: _Sums, hit_rate: float) -> float | None:
    """`n` over the design effect: how much wider the days make the interval than n coin flips."""
    if len(days) < MIN_BLOCKS:
        return None
    flips = total.n * hit_rate * (1 - hit_rate)
    if flips == 0.0:
        return float(total.n)
    seen = block_variance([day.hits - hit_rate * day.n for day in days])
    widened = (_quantile(len(days)) / Z_95) ** 2
    return total.n / max(1.0, widened * seen / flips)


def _block_days(days: int) -> int:
    return min(BLOCK_DAYS, days // MIN_BLOCKS)


def _quantile(days: int) -> float:
    return t_95(days / _block_days(days) - 1)


_Key = TypeVar("_Key", bound=Hashable)


def _grouped(
    rows: Sequence[DayRecord], key: Callable[[DayRecord], _Key]
) -> dict[_Key, Performance]:
    groups: dict[_Key, list[DayRecord]] = {}
    for row in rows:
        groups.setdefault(key(row), []).append(row)
    return {name: performance(group) for name, group in groups.items()}
