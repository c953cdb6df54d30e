"""The intervals of candles that the exchange serves, by name, in milliseconds."""

MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS
DAY_MS = 24 * HOUR_MS

INTERVALS = {
    "1m": MINUTE_MS,
    "5m": 5 * MINUTE_MS,
    "15m": 15 * MINUTE_MS,
    "1h": HOUR_MS,
    "4h": 4 * HOUR_MS,
    "1d": DAY_MS,
}
"""Candles open at the multiples of their interval since 1970-01-01 UTC."""


def open_of(at_ms: int, step_ms: int) -> int:
    """Open time of the candle of length `step_ms` that contains the instant `at_ms`."""
    return at_ms - at_ms % step_ms
