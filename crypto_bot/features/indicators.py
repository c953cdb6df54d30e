"""Indicator steps and ratios shared by features, rules and labels."""

from __future__ import annotations

from math import log

from crypto_bot.features.compiled import compiled

LIMIT = 10.0
"""Features relative to price and volatility are clipped to ±LIMIT."""


@compiled
def ema_step(previous: float, value: float, span: int) -> float:
    """Exponential average with alpha = 2 / (span + 1), seeded by its first value."""
    return previous + 2.0 / (span + 1.0) * (value - previous)


@compiled
def true_range(high: float, low: float, previous_close: float) -> float:
    """The bar's range, gap to the previous close included (Wilder, 1978)."""
    return max(high, previous_close) - min(low, previous_close)


@compiled
def atr_step(previous: float, reach: float, before: int, period: int) -> float:
    """Wilder's average of true ranges, of which `before` were earlier.

    The plain mean of the first `period` ranges, alpha = 1 / period from then on (J. W. Wilder, New
    Concepts in Technical Trading Systems, 1978).
    """
    weight = 1.0 / min(before + 1, period)
    return previous + weight * (reach - previous)


@compiled
def rise_step(previous: float, change: float, period: int) -> float:
    """Wilder's average of the rises; for the falls pass the negated change."""
    weight = 1.0 / period  # saves a division per value
    return previous + weight * (max(change, 0.0) - previous)


@compiled
def rsi_of(rise: float, fall: float) -> float:
    """RSI, 0..100, of the averaged rises and falls; 50 where the price has not moved at all."""
    moved = rise + fall
    return 100.0 * rise / moved if moved > 0.0 else 50.0


@compiled
def softsign(value: float, scale: float) -> float:
    """`value` in units of `scale`, squashed to -1..1: x / (1 + |x|); 0 where there is no scale."""
    return value / (abs(value) + scale) if scale > 0.0 else 0.0


@compiled
def bounded(value: float) -> float:
    """`value` within ±LIMIT."""
    return min(max(value, -LIMIT), LIMIT)


@compiled
def ratio(value: float, scale: float) -> float:
    """`value / scale`, bounded; 0 where there is no scale."""
    return bounded(value / scale) if scale > 0.0 else 0.0


@compiled
def log_ratio(value: float, scale: float) -> float:
    """`log(value / scale)`, bounded; 0 where there is no scale, -LIMIT where there is no value."""
    if scale <= 0.0:
        return 0.0
    return bounded(log(value / scale)) if value > 0.0 else -LIMIT
