"""Log loss of live calls against a baseline from earlier calls, over rolling windows."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from crypto_bot.domain.instant import DAY_MS
from crypto_bot.domain.interval import Interval
from crypto_bot.statistics.daily import MIN_BLOCKS, ratio_interval
from crypto_bot.statistics.resolved import ResolvedCalls
from crypto_bot.statistics.rows import Bools, Floats, Ints
from crypto_bot.statistics.scores import log_loss

ROLLING_DAYS = 7
PRIOR_DAYS = 30
MIN_PRIOR_LABELS = 100
_POOL_ROWS = 100.0
"""A coin's own label shares are shrunk towards its source's with the weight of this many rows."""


class LossPoint(NamedTuple):
    """`difference`: loss over that of the baseline, less 1: below 0 is better than the baseline."""

    day_ms: int
    """Start of the last of the window's UTC days."""
    n: int
    loss: float
    baseline: float
    difference: Interval


class Losses(NamedTuple):
    """Nats of each call, [n] each; NaN in `baseline` where there is too little before it."""

    calls: Floats
    baseline: Floats

    def where(self, chosen: Bools) -> Losses:
        """Those of a mask [n]."""
        return Losses(self.calls[chosen], self.baseline[chosen])


def losses(calls: ResolvedCalls) -> Losses:
    """Log loss of the probabilities given, and of the label shares of the 30 days before.

    Shares are those of the same source, on the coin pulled towards all its coins. The labels of the
    hours before midnight count although the first calls of a day could not know them: it favours
    the baseline. Rows must be all that is known, not a selection: the baseline is learned from it.
    """
    ours = log_loss(calls.p, calls.label)
    if not len(calls):
        return Losses(ours, ours.copy())
    first = int(calls.day[0])
    day = calls.day - first
    days, coins = int(day.max()) + 1, len(calls.symbols)
    theirs = np.full(len(calls), np.nan)
    for source in np.unique(calls.source):
        mine = calls.source == source
        cell = (day[mine] * coins + calls.coin[mine]) * 3 + calls.label[mine]
        counts = np.bincount(cell, minlength=days * coins * 3).reshape(days, coins, 3)
        before = _trailing(counts.astype(np.float64))
        pooled = before.sum(axis=1, keepdims=True)
        known = pooled.sum(axis=2)[:, 0] >= MIN_PRIOR_LABELS
        share = (pooled + 1.0) / (pooled.sum(axis=2, keepdims=True) + 3.0)
        prior = (before + _POOL_ROWS * share) / (before.sum(axis=2, keepdims=True) + _POOL_ROWS)
        loss = -np.log(prior[day[mine], calls.coin[mine], calls.label[mine]])
        theirs[mine] = np.where(known[day[mine]], loss, np.nan)
    return Losses(ours, theirs)


def rolling(calls: ResolvedCalls, held: Losses) -> tuple[LossPoint, ...]:
    """One point a day with a baseline: the 7 days up to it, with a 95 % interval over its days."""
    by_day = daily(calls, held)
    points = []
    for at in range(len(by_day.day)):
        last = int(by_day.day[at])
        inside = (by_day.day > last - ROLLING_DAYS) & (by_day.day <= last)
        if inside.sum() < MIN_BLOCKS:
            continue
        ours, theirs = by_day.ours[inside], by_day.theirs[inside]
        n = int(by_day.n[inside].sum())
        ratio = ratio_interval(ours.tolist(), theirs.tolist(), calls.block_days)
        points.append(
            LossPoint(
                day_ms=last * DAY_MS,
                n=n,
                loss=float(ours.sum()) / n,
                baseline=float(theirs.sum()) / n,
                difference=ratio.scaled(1.0, -1.0),
            )
        )
    return tuple(points)


class DailyLosses(NamedTuple):
    """Sums of the calls that have a baseline, [days] each, only of days that have any."""

    day: Floats
    n: Floats
    ours: Floats
    theirs: Floats


def daily(calls: ResolvedCalls, held: Losses) -> DailyLosses:
    """The losses summed by UTC day."""
    known = np.isfinite(held.baseline)
    day, place = np.unique(calls.day[known], return_inverse=True)
    return DailyLosses(
        _floats(day),
        _floats(np.bincount(place, minlength=day.size)),
        _floats(np.bincount(place, held.calls[known], minlength=day.size)),
        _floats(np.bincount(place, held.baseline[known], minlength=day.size)),
    )


def _floats(values: Ints | Floats) -> Floats:
    """Sums over no row at all come as integers."""
    return values.astype(np.float64)


def _trailing(counts: Floats) -> Floats:
    """Counts [days, coins, 3] of the 30 days before each."""
    total = np.cumsum(counts, axis=0)
    before = np.zeros_like(total)
    before[1:] = total[:-1]
    older = np.zeros_like(total)
    older[PRIOR_DAYS + 1 :] = total[: -PRIOR_DAYS - 1]
    return before - older
