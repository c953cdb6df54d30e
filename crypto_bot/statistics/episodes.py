"""Episodes: consecutive calls of one side are one decision, counted once and after costs.

A LONG or SHORT begins an episode unless the same source called the same side on the coin at the
candle before; a missing candle, another side, NO_TRADE or another source ends it. Its result is
that of its first call: who acts on that holds already when the call is repeated. It is won where
that call returned more than it cost.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import fsum, nan
from typing import NamedTuple

from crypto_bot.domain.interval import Interval
from crypto_bot.statistics.daily import BLOCK_DAYS, MIN_CALLS, ratio_interval, share_interval


class EpisodeDay(NamedTuple):
    """Sums over the episodes that began on one day; returns are after costs, basis points."""

    n: int
    won: int
    won_bps: float
    """Of those won."""
    net_bps: float


@dataclass(frozen=True, slots=True)
class Episodes:
    """One record of decisions. Estimates are unknown below `MIN_CALLS` episodes."""

    n: int
    won: int
    hit_rate: Interval
    n_effective: float | None
    """As many independent episodes would have this interval; None below 4 days: taken as `n`."""
    break_even: float
    """The hit rate at which episodes of these sizes earn nothing after costs; NaN if not known."""
    mean_net_bps: Interval


def episodes(days: Sequence[EpisodeDay], most: int = BLOCK_DAYS) -> Episodes:
    """The record of `days` in their order; `most` days are a block of the intervals."""
    days = [day for day in days if day.n]
    n, won = sum(day.n for day in days), sum(day.won for day in days)
    rate, n_effective = share_interval([day.n for day in days], [day.won for day in days], most)
    net = [day.net_bps for day in days]
    mean = ratio_interval(net, [day.n for day in days], most)
    total = EpisodeDay(n, won, fsum(day.won_bps for day in days), fsum(net))
    return Episodes(
        n=n,
        won=won,
        hit_rate=rate,
        n_effective=n_effective,
        break_even=break_even(total),
        mean_net_bps=mean if n >= MIN_CALLS else mean.bounds,
    )


def break_even(total: EpisodeDay) -> float:
    """L / (G + L) of the mean net gain G of those won and the mean net loss L of the others.

    NaN below `MIN_CALLS` episodes, or where all or none were won.
    """
    n, won, won_bps, net_bps = total
    if n < MIN_CALLS or won in {0, n}:
        return nan
    gain, loss = won_bps / won, (won_bps - net_bps) / (n - won)
    return loss / (gain + loss)
