"""Ratios of return to risk, each with the interval of a block bootstrap of days.

Circular blocks of days (Politis and Romano 1992) keep the order of the days within a block, so that
a drawdown can be drawn too.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from crypto_bot.domain.interval import UNKNOWN, Interval
from crypto_bot.statistics.daily import BLOCK_DAYS, MIN_BLOCKS
from crypto_bot.statistics.intervals import DRAWS
from crypto_bot.statistics.rows import Floats

YEAR_DAYS = 365
_LOW, _HIGH = 2.5, 97.5
Statistic = Callable[[Floats], Floats]
"""Daily returns [m, days] to values [m]."""


def sortino(returns: Floats) -> Floats:
    """Mean over the root mean square of the losses, a year (Sortino and Price 1994)."""
    downside = np.sqrt((np.minimum(returns, 0.0) ** 2).mean(axis=1))
    yearly: Floats = _over(returns.mean(axis=1), downside) * np.sqrt(YEAR_DAYS)
    return yearly


def calmar(returns: Floats) -> Floats:
    """Return of a year, compounded, over the greatest drawdown of daily equity (Young 1991)."""
    yearly = np.prod(1.0 + returns, axis=1) ** (YEAR_DAYS / returns.shape[1]) - 1.0
    return _over(yearly, drawdowns(returns))


def drawdowns(returns: Floats) -> Floats:
    """The greatest fall below the highest equity, the start included, as a share of it, [m]."""
    equity = np.cumprod(np.column_stack((np.ones(returns.shape[0]), 1.0 + returns)), axis=1)
    peak = np.maximum.accumulate(equity, axis=1)
    deepest: Floats = (1.0 - equity / peak).max(axis=1)
    return deepest


def by_blocks(values: Floats, statistic: Statistic, seed: int = 0, draws: int = DRAWS) -> Interval:
    """The statistic of `values` (one a day) and its interval; unknown for too few days."""
    days = values.size
    if days < MIN_BLOCKS * BLOCK_DAYS:
        return UNKNOWN
    value = float(statistic(values[None, :])[0])
    rng = np.random.default_rng(seed)
    starts = rng.integers(0, days, (draws, -(-days // BLOCK_DAYS), 1))
    order = ((starts + np.arange(BLOCK_DAYS)) % days).reshape(draws, -1)[:, :days]
    drawn = statistic(values[order])
    drawn = drawn[np.isfinite(drawn)]
    if not (np.isfinite(value) and drawn.size):
        return Interval(value)
    low, high = np.percentile(drawn, [_LOW, _HIGH])
    return Interval(value, float(low), float(high))


def shuffled_drawdowns(growth: Floats, seed: int = 0, draws: int = DRAWS) -> Floats:
    """Drawdowns [draws] of the same trades in random orders; `growth` is the return of each."""
    rng = np.random.default_rng(seed)
    order = rng.permuted(np.tile(np.arange(growth.size), (draws, 1)), axis=1)
    return drawdowns(growth[order])


def _over(top: Floats, bottom: Floats) -> Floats:
    held = bottom > 0.0
    out: Floats = np.divide(top, bottom, out=np.full(top.size, np.nan), where=held)
    return out
