"""Trades that were called, in groups: how often right, beside what it takes to break even."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from crypto_bot.domain.instant import HOUR_MS
from crypto_bot.reports.resolved import LONG, SHORT, SOURCES, Ints, ResolvedCalls, day_records
from crypto_bot.reports.standing import Standing, standing
from crypto_bot.statistics.daily import MIN_CALLS, Interval, ratio_interval, wilson
from crypto_bot.statistics.performance import Performance, performance

VOLATILITY_GROUPS = 5
RANDOM_SIDE = "random side"


@dataclass(frozen=True, slots=True)
class Line:
    """One group of LONG and SHORT calls."""

    name: str
    n: int
    rate: float | None
    """Share that returned more than 0 before costs; None below `MIN_CALLS` calls."""
    interval: Interval | None
    break_even: float | None
    standing: Standing
    mean_r: float | None
    """Mean result after costs, in units of what the stop risked."""
    mean_r_interval: Interval | None
    record: Performance


def break_even(trades: ResolvedCalls) -> float | None:
    """The share of gains at which trades of these sizes earn exactly their cost.

    With the mean gain G and the mean loss L, a share h returns h G - (1 - h) L, which is the mean
    cost at h = (L + cost) / (G + L). None below `MIN_CALLS` trades, or without a gain and a loss.
    """
    gained, returns = trades.gained, trades.return_bps
    if gained.size < MIN_CALLS or gained.all() or not gained.any():
        return None
    gain, loss = float(returns[gained].mean()), -float(returns[~gained].mean())
    return min(1.0, (loss + float(trades.cost_bps.mean())) / (gain + loss))


def lines(
    trades: ResolvedCalls, limits: Sequence[float | None], group: Ints, names: Sequence[str]
) -> tuple[Line, ...]:
    """A line for each of `names`, which `group` [n] counts, beside its break-even of `limits`."""
    records = day_records(trades, trades.gained, group, len(names))
    net = _net_r(trades, group, len(names))
    found = []
    for name, days, limit, (mean_r, reach) in zip(names, records, limits, net, strict=True):
        record = performance(days)
        told = record.n >= MIN_CALLS
        found.append(
            Line(
                name=name,
                n=record.n,
                rate=record.hit_rate,
                interval=record.hit_rate_interval,
                break_even=limit,
                standing=standing(record.n, record.hit_rate_interval, limit),
                mean_r=mean_r if told else None,
                mean_r_interval=reach if told else None,
                record=record,
            )
        )
    return tuple(found)


def overall(trades: ResolvedCalls) -> Line:
    """All of them in one line."""
    return _together(trades, np.zeros(len(trades), dtype=np.int64), ["all"])[0]


def by_source(trades: ResolvedCalls) -> tuple[Line, ...]:
    """A line for each source and side that made calls, each beside a break-even of its own."""
    sides = ("SHORT", "LONG")
    group = trades.source * 2 + (trades.pred == LONG)
    names = [f"{source.value} {side}" for source in SOURCES for side in sides]
    limits = [break_even(trades.where(group == number)) for number in range(len(names))]
    return tuple(line for line in lines(trades, limits, group, names) if line.n)


def by_coin(trades: ResolvedCalls) -> tuple[Line, ...]:
    """A line for each coin that had calls, best lower bound first, those with few calls last."""
    told = _together(trades, trades.coin, trades.symbols)
    return tuple(sorted((line for line in told if line.n), key=_by_lower_bound))


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
    """What flipping a coin for the side would have come to: either side of every trade.

    The other side is taken to end where the trade did, with its return mirrored.
    """
    mirrored = replace(
        trades,
        pred=np.where(trades.pred == LONG, SHORT, LONG),
        return_bps=-trades.return_bps,
    )
    either = trades.followed_by(mirrored)
    either = either.where(np.argsort(either.open_ms, kind="stable"))
    line = overall(either)
    # Two sides of a trade are not two trades.
    n = len(trades)
    record = line.record
    interval = line.interval
    if interval is not None and record.n:
        seen = min(record.n_effective or record.n, n)
        interval = wilson(record.hits / record.n, seen)
    limit = break_even(trades)
    told = n >= MIN_CALLS
    return replace(
        line,
        name=RANDOM_SIDE,
        n=n,
        rate=line.rate if told else None,
        interval=interval,
        break_even=limit,
        standing=standing(n, interval, limit),
        mean_r=line.mean_r if told else None,
        mean_r_interval=line.mean_r_interval if told else None,
    )


def confusion(calls: ResolvedCalls) -> tuple[tuple[int, int, int], ...]:
    """Counts by what came (rows) and what was called: SHORT, NO_TRADE, LONG."""
    table = np.bincount(calls.label * 3 + calls.pred, minlength=9).reshape(3, 3)
    return tuple((int(a), int(b), int(c)) for a, b, c in table)


def _together(trades: ResolvedCalls, group: Ints, names: Sequence[str]) -> tuple[Line, ...]:
    """Lines beside the break-even of all the trades."""
    return lines(trades, [break_even(trades)] * len(names), group, names)


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
