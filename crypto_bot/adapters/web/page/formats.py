"""Numbers and times as the page prints them: true minus, a sign on changes, a dash for missing."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime, tzinfo
from math import ceil, isfinite, log10

from crypto_bot.domain.interval import Interval

MISSING = "–"
MINUS = "−"
_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
_SIGNIFICANT = 7
_MOST_DECIMALS = 10


def decimals_of(prices: Iterable[float]) -> int:
    """How many decimals prices like these are quoted in, as far as they show it.

    The most that one of them has, but no more than leave seven significant digits of the largest.
    """
    known = [price for price in prices if isfinite(price) and price > 0.0]
    if not known:
        return 2
    # repr is the shortest text that reads back as the same float: the digits it was quoted with.
    written = max(len(f"{price:.{_MOST_DECIMALS}f}".rstrip("0").split(".")[1]) for price in known)
    whole = ceil(log10(max(known) * (1 + 1e-12)))
    return max(0, min(written, _SIGNIFICANT - whole, _MOST_DECIMALS))


def number(value: float | None, decimals: int = 0) -> str:
    """`1,234.5`; a negative one with a true minus, none on a zero."""
    if value is None or not isfinite(value):
        return MISSING
    text = f"{abs(value):,.{decimals}f}"
    return MINUS + text if value < 0 and not _is_zero(text) else text


def signed(value: float | None, decimals: int = 1, unit: str = "") -> str:
    """A change: `+1.47%`, `−0.3R`; a zero has no sign."""
    if value is None or not isfinite(value):
        return MISSING
    text = f"{abs(value):,.{decimals}f}"
    if _is_zero(text):
        return text + unit
    return f"{MINUS if value < 0 else '+'}{text}{unit}"


def probability(value: float | None) -> str:
    """`0.47`, never in percent."""
    return number(value, 2)


def rate(share: float, n: int) -> str:
    """`45.2%`; whole percents below 1,000 calls."""
    if not isfinite(share):
        return MISSING
    return f"{100 * share:.{_rate_decimals(n)}f}%"


def percent(share: float) -> str:
    """`43.6%`, of a yardstick."""
    return f"{100 * share:.1f}%" if isfinite(share) else MISSING


def interval(rate: Interval, n: int) -> str:
    """The ends of a rate in percent: `[43.3, 47.1]`, or `[43, 47]` below 1,000 calls."""
    if not rate.is_bounded:
        return MISSING
    decimals = _rate_decimals(n)
    return f"[{100 * rate.low:.{decimals}f}, {100 * rate.high:.{decimals}f}]"


def ends(interval: Interval, decimals: int) -> str:
    """`[−0.21, +0.31]`, of a change."""
    if not interval.is_bounded:
        return MISSING
    return f"[{signed(interval.low, decimals)}, {signed(interval.high, decimals)}]"


def result(r: float | None) -> str:
    """A result in units of what was risked: `+0.4R`."""
    return signed(r, 1, "R")


def age(seconds: float) -> str:
    """`12 s`, `4 min`, `3 h`, `9 d`. The browser's ticker prints ages the same way."""
    whole = max(0, int(seconds))
    for limit, unit, name in ((60, 1, "s"), (3600, 60, "min"), (172_800, 3600, "h")):
        if whole < limit:
            return f"{whole // unit} {name}"
    return f"{whole // 86_400} d"


def clock_time(at_ms: int, zone: tzinfo) -> str:
    """`14:45`."""
    return f"{_local(at_ms, zone):%H:%M}"


def day(at_ms: int, zone: tzinfo) -> str:
    """`2025-11-21`."""
    return f"{_local(at_ms, zone):%Y-%m-%d}"


def month(at_ms: int) -> str:
    """`2025-11`, in UTC."""
    return f"{_local(at_ms, UTC):%Y-%m}"


def moment(at_ms: int, zone: tzinfo) -> str:
    """`2025-11-21 14:45`."""
    return f"{day(at_ms, zone)} {clock_time(at_ms, zone)}"


def in_zone(text: str, zone: tzinfo) -> str:
    """`text` with the instants in it, ISO-8601 in UTC, as moments of `zone`."""

    def local(found: re.Match[str]) -> str:
        at = datetime.fromisoformat(found[0])
        return moment(round(at.timestamp() * 1000), zone)

    return _INSTANT.sub(local, text)


def coin(symbol: str) -> str:
    """`BTC` of `BTCUSDT`; a symbol of another quote stays whole."""
    return symbol.removesuffix("USDT") or symbol


def _local(at_ms: int, zone: tzinfo) -> datetime:
    return datetime.fromtimestamp(at_ms / 1000, zone)


def _rate_decimals(n: int) -> int:
    return 1 if n >= 1000 else 0


def _is_zero(text: str) -> bool:
    return not text.strip("0.,")
