"""LONG and SHORT calls in groups: hit rate and break-even of their episodes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from crypto_bot.domain.instant import HOUR_MS
from crypto_bot.domain.interval import UNKNOWN, Interval
from crypto_bot.statistics.daily import MIN_CALLS, ratio_interval, wilson
from crypto_bot.statistics.episodes import Episodes, episodes
from crypto_bot.statistics.resolved import LONG, SHORT, SOURCES, ResolvedCalls, episode_days
from crypto_bot.statistics.rows import Ints
from crypto_bot.statistics.standing import Standing, standing

VOLATILITY_GROUPS = 5
RANDOM_SIDE = "random side"


@dataclass(frozen=True, slots=True)
class Line:
    """The episodes of one group of LONG and SHORT calls.

    Estimates are unknown below `MIN_CALLS` episodes.
    """

    name: str
    calls: int
    """Single calls: an episode has one or more."""
    n: int
    """Episodes."""
    rate: Interval
    """Share of the episodes that were won."""
    break_even: float
    """The share at which they earn nothing after costs; NaN where it is not known."""
    standing: Standing
    mean_r: Interval
    """Mean result after costs, in units of what the stop risked."""
    record: Episodes


def lines(
    trades: ResolvedCalls, group: Ints, names: Sequence[str], limit: float | None = None
) -> tuple[Line, ...]:
    """A line for each of `names`, which `group` [n] counts, beside `limit` or its own break-even.

    An episode is of the group of its first call.
    """
    calls = np.bincount(group, minlength=len(names)).tolist()
    begun, of = trades.where(trades.begins), group[trades.begins]
    days = episode_days(begun, of, len(names))
    net = _net_r(begun, of, len(names))
    found = []
    for name, count, by_day, mean_r in zip(names, calls, days, net, strict=True):
        record = episodes(by_day, trades.block_days)
        even = record.break_even if limit is None else limit
        found.append(
            Line(
                name=name,
                calls=count,
                n=record.n,
                rate=record.hit_rate,
                break_even=even,
                standing=standing(record.n, record.hit_rate, even),
                mean_r=mean_r if record.n >= MIN_CALLS else UNKNOWN,
                record=record,
            )
        )
    return tuple(found)


def overall(trades: ResolvedCalls) -> Line:
    """All calls in one line."""
    return lines(trades, np.zeros(len(trades), dtype=np.int64), ["all"])[0]


def by_source(trades: ResolvedCalls) -> tuple[Line, ...]:
    """A line for each source and side with episodes, each with its own break-even."""
    sides = ("SHORT", "LONG")
    group = trades.source * 2 + (trades.pred == LONG)
    names = [f"{source.value} {side}" for source in SOURCES for side in sides]
    return tuple(line for line in lines(trades, group, names) if line.n)


def by_coin(trades: ResolvedCalls) -> tuple[Line, ...]:
    """A line for each coin that had calls, best lower bound first, those with few calls last."""
    found = _together(trades, trades.coin, trades.symbols)
    return tuple(sorted((line for line in found if line.n), key=_by_lower_bound))


def by_hour(trades: ResolvedCalls) -> tuple[Line, ...]:
    """24 lines: the UTC hour in which the candle opened."""
    names = [f"{hour:02}" for hour in range(24)]
    return _together(trades, trades.open_ms // HOUR_MS % 24, names)


def by_volatility(trades: ResolvedCalls) -> tuple[Line, ...]:
    """Fifths of the calls by ATR over price, the quietest first, named by their range in bp."""
    trades = trades.where(np.isfinite(trades.atr_bps))
    if not len(trades):
        return ()
    edges = np.quantile(trades.atr_bps, np.linspace(0.0, 1.0, VOLATILITY_GROUPS + 1))
    group = np.searchsorted(edges[1:-1], trades.atr_bps, side="right").astype(np.int64)
    names = [f"{low:.0f} to {high:.0f} bp" for low, high in pairwise(edges.tolist())]
    return tuple(line for line in _together(trades, group, names) if line.n)


def random_side(trades: ResolvedCalls) -> Line:
    """The results of a random side: the mean of both sides of every episode.

    The other side is taken to end where the first call did, with its return mirrored.
    """
    begun = trades.where(trades.begins)
    mirrored = replace(
        begun,
        pred=np.where(begun.pred == LONG, SHORT, LONG),
        return_bps=-begun.return_bps,
    )
    either = begun.followed_by(mirrored)
    line = overall(either.where(np.argsort(either.open_ms, kind="stable")))
    # Two sides of an episode are not two episodes.
    n = len(begun)
    record, rate = line.record, line.rate
    if record.n:
        rate = wilson(record.won / record.n, min(record.n_effective or record.n, n))
    enough = n >= MIN_CALLS
    rate = rate if enough else rate.bounds
    limit = overall(trades).break_even
    return replace(
        line,
        name=RANDOM_SIDE,
        calls=len(trades),
        n=n,
        rate=rate,
        break_even=limit,
        standing=standing(n, rate, limit),
        mean_r=line.mean_r if enough else UNKNOWN,
    )


def confusion(calls: ResolvedCalls) -> tuple[tuple[int, int, int], ...]:
    """Counts by label (rows) and by call: SHORT, NO_TRADE, LONG."""
    table = np.bincount(calls.label * 3 + calls.pred, minlength=9).reshape(3, 3)
    return tuple((int(a), int(b), int(c)) for a, b, c in table)


def _together(trades: ResolvedCalls, group: Ints, names: Sequence[str]) -> tuple[Line, ...]:
    """Lines beside the break-even of all the episodes."""
    return lines(trades, group, names, overall(trades).break_even)


def _net_r(trades: ResolvedCalls, group: Ints, groups: int) -> list[Interval]:
    """Mean result in R of each group, with its interval over the days."""
    net = trades.net_r
    known = np.isfinite(net)
    if not known.any():
        return [UNKNOWN] * groups
    first = int(trades.day[0])
    days = int(trades.day.max()) - first + 1
    cell = group[known] * days + trades.day[known] - first
    size = groups * days
    total = np.bincount(cell, net[known], minlength=size).reshape(groups, days)
    count = np.bincount(cell, minlength=size).reshape(groups, days)
    return [
        ratio_interval(tops[held].tolist(), bottoms[held].tolist(), trades.block_days)
        for tops, bottoms, held in zip(total, count, count > 0, strict=True)
    ]


def _by_lower_bound(line: Line) -> tuple[bool, float]:
    return not line.rate.is_estimated, -line.rate.low
