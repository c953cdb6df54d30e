"""How a feature is made of two numbers: bounded, and neutral where a market does not move."""

from __future__ import annotations

from math import log

from crypto_bot.features.compiled import compiled

LIMIT = 10.0
"""No feature relative to price and volatility leaves ±LIMIT."""


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
