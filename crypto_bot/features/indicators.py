"""Indicators, one step at a time: the one definition that features, rules and labels share."""

from __future__ import annotations

from numba import njit


@njit(cache=True)
def ema_step(previous: float, value: float, span: int) -> float:
    """Exponential average with alpha = 2 / (span + 1), seeded by its first value."""
    return previous + 2.0 / (span + 1.0) * (value - previous)


@njit(cache=True)
def wilder_step(previous: float, value: float, window: int) -> float:
    """Wilder's average, alpha = 1 / window (New Concepts in Technical Trading Systems, 1978)."""
    return previous + (value - previous) / window


@njit(cache=True)
def true_range(high: float, low: float, previous_close: float) -> float:
    """The bar's range, gap to the previous close included (Wilder, 1978)."""
    return max(high, previous_close) - min(low, previous_close)


@njit(cache=True)
def rsi_of(gain: float, loss: float) -> float:
    """RSI, 0..100, of the averaged gains and losses; 50 where the price has not moved at all."""
    moved = gain + loss
    return 50.0 if moved == 0.0 else 100.0 * gain / moved
