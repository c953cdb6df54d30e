"""Trades that were called, in groups: how often right, beside what it takes to break even."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from crypto_bot.services.resolved import (
    HOUR_MS,
    LONG,
    NO_TRADE,
    SOURCES,
    Floats,
    Ints,
    ResolvedCalls,
    day_records,
)
from crypto_bot.services.review import (
    MIN_CALLS,
    Interval,
    Performance,
    performance,
    ratio_interval,
)
from crypto_bot.services.standing import Standing, standing

VOLATILITY_GROUPS = 5
RANDOM_SIDE = "random side"


@dataclass(frozen=True, slots=True)
class Line:
    """One group of LONG and SHORT calls."""

    name: str
    n: int
    rate: float | None
    """Share that was right; None below `MIN_CALLS` calls."""
    interval: Interval | None
    break_even: float | None
    standing: Standing
    mean_r: float | None
    """Mean result after costs, in units of what the stop risked."""
    mean_r_interval: Interval | None
    record: Performance


def break_even(trades: ResolvedCalls) -> Floats:
    """The hit rate at which each call's source would neither earn nor lose after costs, [n].

    (cost - miss) / (hit - miss), of the mean returns of the source's right and wrong calls and its
    mean cost. NaN for a source that has too few calls, or earns no more by right calls than wrong.
    """
    limit = np.full(len(trades), np.nan)
    for source in np.unique(trades.source):
        mine = trades.source == source
        hit, returns = trades.hit[mine], trades.return_bps[mine]
        if hit.size < MIN_CALLS or hit.all() or not hit.any():
            continue
        right, wrong = float(returns[hit].mean()), float(returns[~hit].mean())
        cost = float(trades.cost_bps[mine].mean())
        if right > wrong and wrong < cost < right:
            limit[mine] = (cost - wrong) / (right - wrong)
    return limit


def lines(
    trades: ResolvedCalls, limit: Floats, group: Ints, names: Sequence[str]
) -> tuple[Line, ...]:
    """A line for each of `names`, which `group` [n] counts; `limit` [n] as of `break_even`."""
    records = day_records(trades, group, len(names))
    net = _net_r(trades, group, len(names))
    found = []
    for number, (name, days) in enumerate(zip(names, records, strict=True)):
        record = performance(days)
        limits = limit[group == number]
        known = limits[np.isfinite(limits)]
        yardstick = float(known.mean()) if known.size else None
        mean_r, mean_r_interval = net[number]
        found.append(
            Line(
                name=name,
                n=record.n,
                rate=record.hit_rate,
                interval=record.hit_rate_interval,
                break_even=yardstick,
                standing=standing(record.n, record.hit_rate_interval, yardstick),
                mean_r=mean_r if record.n >= MIN_CALLS else None,
                mean_r_interval=mean_r_interval if record.n >= MIN_CALLS else None,
                record=record,
            )
        )
    return tuple(found)


def overall(trades: ResolvedCalls, limit: Floats) -> Line:
    """All of them in one line."""
    return lines(trades, limit, np.zeros(len(trades), dtype=np.int64), ["all"])[0]


def by_source(trades: ResolvedCalls, limit: Floats) -> tuple[Line, ...]:
    """A line for each source and side that made calls, in the order in which they are asked."""
    sides = ("SHORT", "LONG")
    group = trades.source * 2 + (trades.pred == LONG)
    names = [f"{source.value} {side}" for source in SOURCES for side in sides]
    return tuple(line for line in lines(trades, limit, group, names) if line.n)


def by_coin(trades: ResolvedCalls, limit: Floats) -> tuple[Line, ...]:
    """A line for each coin that had calls, best lower bound first, those with few calls last."""
    told = lines(trades, limit, trades.coin, trades.symbols)
    return tuple(sorted((line for line in told if line.n), key=_by_lower_bound))


def by_hour(trades: ResolvedCalls, limit: Floats) -> tuple[Line, ...]:
    """24 lines: the UTC hour in which the candle opened."""
    names = [f"{hour:02}" for hour in range(24)]
    return lines(trades, limit, trades.open_ms // HOUR_MS % 24, names)


def by_volatility(trades: ResolvedCalls, limit: Floats) -> tuple[Line, ...]:
    """Fifths of the calls by ATR over price, the quietest first, named by their range in bp."""
    known = np.isfinite(trades.atr_bps)
    trades, limit = trades.where(known), limit[known]
    if not len(trades):
        return ()
    edges = np.quantile(trades.atr_bps, np.linspace(0.0, 1.0, VOLATILITY_GROUPS + 1))
    group = np.searchsorted(edges[1:-1], trades.atr_bps, side="right").astype(np.int64)
    ends = [f"{edge:.0f}" for edge in edges]
    names = [f"{low} to {high} bp" for low, high in pairwise(ends)]
    return lines(trades, limit, group, names)


def random_side(trades: ResolvedCalls, limit: Floats) -> Line:
    """What flipping a coin for the side would score on the same candles: half of those that moved.

    The expected rate and its interval; no returns, as those of the other side are not known.
    """
    moved = np.where(trades.label == NO_TRADE, LONG, trades.label)
    either = overall(replace(trades, pred=moved), limit)
    if either.interval is None:
        return replace(either, name=RANDOM_SIDE, mean_r=None, mean_r_interval=None)
    interval = Interval(either.interval.low / 2.0, either.interval.high / 2.0)
    return replace(
        either,
        name=RANDOM_SIDE,
        rate=None if either.rate is None else either.rate / 2.0,
        interval=interval,
        standing=standing(either.n, interval, either.break_even),
        mean_r=None,
        mean_r_interval=None,
    )


def confusion(calls: ResolvedCalls) -> tuple[tuple[int, int, int], ...]:
    """Counts by what came (rows) and what was called: SHORT, NO_TRADE, LONG."""
    table = np.bincount(calls.label * 3 + calls.pred, minlength=9).reshape(3, 3)
    return tuple((int(a), int(b), int(c)) for a, b, c in table)


def _net_r(
    trades: ResolvedCalls, group: Ints, groups: int
) -> list[tuple[float | None, Interval | None]]:
    """Mean result in R of each group and its interval over the days."""
    net = trades.net_r
    known = np.isfinite(net)
    if not known.any():
        return [(None, None)] * groups
    first = int(trades.day[0])
    days = int(trades.day.max()) - first + 1
    cell = group[known] * days + trades.day[known] - first
    size = groups * days
    total = np.bincount(cell, net[known], minlength=size).reshape(groups, days)
    count = np.bincount(cell, minlength=size).reshape(groups, days)
    found: list[tuple[float | None, Interval | None]] = []
    for tops, bottoms in zip(total, count, strict=True):
        held = bottoms > 0
        if not held.any():
            found.append((None, None))
            continue
        interval = ratio_interval(tops[held].tolist(), bottoms[held].tolist())
        found.append((float(tops.sum() / bottoms.sum()), interval))
    return found


def _by_lower_bound(line: Line) -> tuple[bool, float]:
    few = line.rate is None or line.interval is None
    return few, 0.0 if line.interval is None else -line.interval.low
