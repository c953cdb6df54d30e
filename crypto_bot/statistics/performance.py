"""Performance: the results of settled calls by source and coin, with intervals."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import fsum
from typing import Any, NamedTuple

from crypto_bot.domain.interval import Interval
from crypto_bot.domain.signal import Source
from crypto_bot.domain.timeframe import Timeframe
from crypto_bot.ports import DayRecord, StoredSignal
from crypto_bot.statistics.daily import (
    BLOCK_DAYS,
    MIN_CALLS,
    block_days,
    ratio_interval,
    share_interval,
)
from crypto_bot.statistics.episodes import EpisodeDay, Episodes, episodes


@dataclass(frozen=True, slots=True)
class Performance:
    """One record. Estimates are unknown below `MIN_CALLS` calls; late signals are left out.

    `hit_rate` is of single calls, NO_TRADE among them: the share whose label was the one called.
    Returns are those of LONG and SHORT calls alone, gross of all costs. What the decisions came to
    after costs is in `episodes`.
    """

    n: int
    """Settled calls with a label, including NO_TRADE."""
    days: int
    hits: int
    hit_rate: Interval
    n_effective: float | None
    """As many independent calls would have this interval; None below 4 days: taken as `n`."""
    trades: int
    mean_return_bps: Interval
    mean_confidence: float | None
    calibration_gap: float | None
    """Mean confidence less hit rate: above 0 is overconfident."""
    brier: float | None
    """Mean of (confidence - correct)^2; smaller is better."""
    brier_baseline: float | None
    """The same for a constant confidence equal to the hit rate."""
    no_calls: int
    """NO_TRADE of labels that have no such class: neither right nor wrong, and not in `n`."""
    episodes: Episodes


@dataclass(frozen=True, slots=True)
class Review:
    """The records in all, by source and by coin."""

    overall: Performance
    by_source: dict[Source, Performance]
    by_symbol: dict[str, Performance]


def review(rows: Sequence[DayRecord], most: int = BLOCK_DAYS) -> Review:
    """Adds up the days of a prediction log; `most` days are a block of the intervals."""

    def grouped(name: str) -> dict[Any, Performance]:
        groups: dict[Any, list[DayRecord]] = {}
        for row in rows:
            groups.setdefault(getattr(row, name), []).append(row)
        return {key: performance(group, most) for key, group in groups.items()}

    return Review(performance(rows, most), grouped("source"), grouped("symbol"))


def longest_block(newest: Iterable[StoredSignal], timeframe: Timeframe) -> int:
    """Days in a block of the intervals: no call like the newest reaches beyond the next block."""
    bars = max((stored.signal.horizon_bars for stored in newest), default=0)
    return block_days(bars * timeframe.ms)


def performance(rows: Iterable[DayRecord], most: int = BLOCK_DAYS) -> Performance:
    """The record of all `rows` together; they may come in any order."""
    days = _by_day(rows)
    total = _added(days)
    estimated = total.n >= MIN_CALLS
    hit_rate = total.hits / total.n if total.n else 0.0
    mean_confidence = total.confidence / total.n if total.n else 0.0
    called = [day for day in days if day.n]
    interval, n_effective = share_interval(
        [day.n for day in called], [day.hits for day in called], most
    )
    return Performance(
        n=total.n,
        days=len(called),
        hits=total.hits,
        hit_rate=interval,
        n_effective=n_effective,
        trades=total.trades,
        mean_return_bps=_mean_return(days, total, most),
        mean_confidence=mean_confidence if estimated else None,
        calibration_gap=mean_confidence - hit_rate if estimated else None,
        brier=total.brier / total.n if estimated else None,
        brier_baseline=hit_rate * (1 - hit_rate) if estimated else None,
        no_calls=total.no_calls,
        episodes=episodes([EpisodeDay(*day[-4:]) for day in days], most),
    )


class _Sums(NamedTuple):
    n: int
    hits: int
    trades: int
    return_bps: float
    confidence: float
    brier: float
    no_calls: int
    episodes: int
    won: int
    won_bps: float
    net_bps: float


def _added(sums: Sequence[tuple[Any, ...]]) -> _Sums:
    """Column by column: a log of years has tens of thousands of days and coins."""
    if not sums:
        return _Sums(0, 0, 0, 0.0, 0.0, 0.0, 0, 0, 0, 0.0, 0.0)
    columns = zip(*sums, strict=True)
    return _Sums._make(sum(each) if isinstance(each[0], int) else fsum(each) for each in columns)


def _by_day(rows: Iterable[DayRecord]) -> list[_Sums]:
    """The sums of each day that has calls, ascending."""
    days: dict[int, list[tuple[Any, ...]]] = {}
    for row in rows:
        days.setdefault(row.day, []).append(row[3:])
    return [_added(days[day]) for day in sorted(days)]


def _mean_return(days: Sequence[_Sums], total: _Sums, most: int) -> Interval:
    traded = [day for day in days if day.trades]
    mean = ratio_interval([day.return_bps for day in traded], [day.trades for day in traded], most)
    return mean if total.trades >= MIN_CALLS else mean.bounds
