"""The wait that a reply with too many requests demands (RFC 9110, 10.2.3)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC
from email.utils import parsedate_to_datetime
from math import isfinite

USUAL_PAUSE_MS = 10_000
"""The pause where the reply gives no duration."""


def retry_after_ms(headers: Mapping[str, str], now_ms: int) -> int:
    """Of the header `Retry-After`: seconds or an HTTP date.

    `USUAL_PAUSE_MS` where the header is absent or unreadable; never negative.
    """
    text = next((text for name, text in headers.items() if name.lower() == "retry-after"), "")
    try:
        seconds = float(text)
    except ValueError:
        return _until_date_ms(text, now_ms)
    return max(0, round(seconds * 1000)) if isfinite(seconds) else USUAL_PAUSE_MS


def _until_date_ms(text: str, now_ms: int) -> int:
    try:
        at = parsedate_to_datetime(text)
    except ValueError:
        return USUAL_PAUSE_MS
    # "-0000" gives a date without a zone; HTTP dates are always in GMT.
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    return max(0, round(at.timestamp() * 1000) - now_ms)
