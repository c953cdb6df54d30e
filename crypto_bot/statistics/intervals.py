"""Intervals: circular block bootstrap over days, all the coins of a day together.

Politis and Romano (1992). Every statistic here is a function of sums, so rows are summed by day
once and a draw is a weighting of days.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from crypto_bot.domain.instant import DAY_MS
from crypto_bot.domain.interval import Interval
from crypto_bot.statistics.daily import MIN_BLOCKS, block_days
from crypto_bot.statistics.rows import Floats, Ints

DRAWS = 1_000
_LOW, _HIGH = 2.5, 97.5

Statistic = Callable[[Floats], Floats]
"""Sums [m, k] to values [m]."""


class DayBootstrap:
    """Draws of the days that occur in `open_ms` [n], the same for every statistic.

    `horizon_ms`: how long an outcome takes; outcomes that overlap in time stay in one block of at
    least five days.
    """

    def __init__(
        self, open_ms: Ints, draws: int = DRAWS, seed: int = 0, *, horizon_ms: int = 0
    ) -> None:
        self.days, self.day = np.unique(open_ms // DAY_MS, return_inverse=True)
        self.block_days = block_days(horizon_ms)
        self.weights = _weights(self.days.size, self.block_days, draws, seed)

    def sums(self, *columns: Floats) -> Floats:
        """Columns [n] summed by day: [days, k]."""
        return np.stack(
            [np.bincount(self.day, column, minlength=self.days.size) for column in columns], axis=1
        )

    def estimate(self, sums: Floats, statistic: Statistic) -> Interval:
        """The statistic of all days, and its interval over the draws. `sums` is [days, k]."""
        value = float(statistic(sums.sum(axis=0, keepdims=True))[0])
        if self.days.size < MIN_BLOCKS * self.block_days:
            return Interval(value)
        drawn = statistic(self.weights @ sums)
        drawn = drawn[np.isfinite(drawn)]
        if not (np.isfinite(value) and drawn.size):
            return Interval(value)
        low, high = np.percentile(drawn, [_LOW, _HIGH])
        return Interval(value, float(low), float(high))


def ratio(sums: Floats) -> Floats:
    """First column over the second, NaN where that is 0: [m, 2] to [m]."""
    held = sums[:, 1] != 0.0
    out: Floats = np.divide(sums[:, 0], sums[:, 1], out=np.full(held.size, np.nan), where=held)
    return out


def _weights(days: int, block_days: int, draws: int, seed: int) -> Floats:
    """How often each day is drawn, [draws, days]."""
    rng = np.random.default_rng(seed)
    blocks = -(-days // block_days)
    starts = rng.integers(0, days, size=(draws, blocks, 1))
    drawn = ((starts + np.arange(block_days)) % days).reshape(draws, -1)[:, :days]
    flat = drawn + days * np.arange(draws)[:, None]
    return np.bincount(flat.ravel(), minlength=draws * days).reshape(draws, days).astype(np.float64)
