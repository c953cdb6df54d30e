"""LONG and SHORT calls in groups: hit rate and break-even."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from math import nan

import numpy as np

from crypto_bot.domain.instant import HOUR_MS
from crypto_bot.domain.interval import UNKNOWN, Interval
from crypto_bot.statistics.daily import MIN_CALLS, ratio_interval, wilson
from crypto_bot.statistics.performance import Performance, performance
from crypto_bot.statistics.resolved import LONG, SHORT, SOURCES, ResolvedCalls, day_records
from crypto_bot.statistics.rows import Ints
from crypto_bot.statistics.standing import Standing, standing

VOLATILITY_GROUPS = 5
RANDOM_SIDE = "random side"


@dataclass(frozen=True, slots=True)
class Line:
    """One group of LONG and SHORT calls. Estimates are unknown below `MIN_CALLS` calls."""

    name: str
    n: int
    rate: Interval
    """Share that returned more than 0 before costs."""
    break_even: float
    """The share at which they earn exactly their cost; NaN where it is not known."""
    standing: Standing
    mean_r: Interval
    """Mean result after costs, in units of what the stop risked."""
    record: Performance


def break_even(trades: ResolvedCalls) -> float:
    """The share of gains at which trades of these sizes earn exactly their cost.

    With the mean gain G and the mean loss L, a share h returns h G - (1 - h) L, which is the mean
    cost at h = (L + cost) / (G + L). NaN below `MIN_CALLS` trades, or without a gain and a loss.
    """
    gained, returns = trades.gained, trades.return_bps
    if gained.size < MIN_CALLS or gained.all() or not gained.any():
        return nan
    gain, loss = float(returns[gained].mean()), -float(returns[~gained].mean())
    return min(1.0, (loss + float(trades.cost_bps.mean())) / (gain + loss))


def lines(
    trades: ResolvedCalls, limits: Sequence[float], group: Ints, names: Sequence[str]
) -> tuple[Line, ...]:
    """A line for each of `names`, which `group` [n] counts, beside its break-even of `limits`."""
    records = day_records(trades, trades.gained, group, len(names))
    net = _net_r(trades, group, len(names))
    found = []
    for name, days, limit, mean_r in zip(names, records, limits, net, strict=True):
        record = performance(days, trades.block_days)
        found.append(
            Line(
                name=name,
                n=record.n,
                rate=record.hit_rate,
                break_even=limit,
                standing=standing(record.n, record.hit_rate, limit),
                mean_r=mean_r if record.n >= MIN_CALLS else UNKNOWN,
                record=record,
            )
        )
    return tuple(found)


def overall(trades: ResolvedCalls) -> Line:
    """All calls in one line."""
    return _together(trades, np.zeros(len(trades), dtype=np.int64), ["all"])[0]


def by_source(trades: ResolvedCalls) -> tuple[Line, ...]:
    """A line for each source and side with calls, each with its own break-even."""
    sides = ("SHORT", "LONG")
    group = trades.source * 2 + (trades.pred == LONG)
    names = [f"{source.value} {side}" for source in SOURCES for side in sides]
    limits = [break_even(trades.where(group == number)) for number in range(len(names))]
    return tuple(line for line in lines(trades, limits, group, names) if line.n)


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
    """The results of a random side: the mean of both sides of every trade.

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
    record, rate = line.record, line.rate
    if record.n:
        rate = wilson(record.hits / record.n, min(record.n_effective or record.n, n))
    enough = n >= MIN_CALLS
    rate = rate if enough else rate.bounds
    limit = break_even(trades)
    return replace(
        line,
        name=RANDOM_SIDE,
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
    """Lines beside the break-even of all the trades."""
    return lines(trades, [break_even(trades)] * len(names), group, names)


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
