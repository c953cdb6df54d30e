"""Times of candles that cannot be, and the unit in which they seem to be."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

from crypto_bot.domain.errors import BadCandles

UNITS = {"seconds": 1, "milliseconds": 10**3, "microseconds": 10**6, "nanoseconds": 10**9}
"""How many are in a second."""
FIRST_S = 1_230_768_000
"""2009-01-01: no coin was traded before."""
LAST_S = 4_102_444_800
"""2100-01-01: from 2009 to then no number fits two units."""
_MILLISECONDS = UNITS["milliseconds"]


def unit_of(stamp: float, now_ms: int) -> str | None:
    """The unit of `UNITS` in which `stamp` is a time from 2009 to `now_ms`; None for none."""
    now_s = now_ms / _MILLISECONDS
    fitting = (name for name, n in UNITS.items() if FIRST_S * n <= stamp <= now_s * n)
    return next(fitting, None)


def impossible(open_ms: int, now_ms: int) -> str | None:
    """Why no candle opens at `open_ms`, in words with the unit it seems to be in; else None."""
    if FIRST_S * _MILLISECONDS <= open_ms <= now_ms:
        return None
    unit = unit_of(open_ms, now_ms)
    if unit is not None:
        at = datetime.fromtimestamp(open_ms / UNITS[unit], UTC)
        return f"{open_ms} seems to be in {unit} ({at:%Y-%m-%d %H:%M} UTC), not milliseconds"
    when = "before 2009" if open_ms < FIRST_S * _MILLISECONDS else "after now"
    return f"{open_ms} ms is {when}"


def require_possible(opens: Iterable[int], now_ms: int, origin: str) -> None:
    """Raises BadCandles, naming `origin`, the first row with an impossible time, and why."""
    for row, open_ms in enumerate(opens):
        why = impossible(open_ms, now_ms)
        if why is not None:
            raise BadCandles(f"{origin}: row {row}: {why}")
