"""The pause of all requests after an exchange reported too many of them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC
from email.utils import parsedate_to_datetime
from math import isfinite

import structlog

from crypto_bot.domain.errors import RateLimited
from crypto_bot.ports import Clock

USUAL_PAUSE_MS = 10_000
"""The pause where the exchange gives no duration."""
LONGEST_PAUSE_MS = 120_000
"""A longer pause (a ban can take days) is an error instead of a wait."""

_log = structlog.get_logger(__name__)


def retry_after_ms(headers: Mapping[str, str], now_ms: int) -> int:
    """The wait that a reply demands: seconds or an HTTP date (RFC 9110, 10.2.3).

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


class Pause:
    """Shared by all requests of one exchange."""

    def __init__(self, exchange_id: str, clock: Clock) -> None:
        self._exchange_id = exchange_id
        self._clock = clock
        self._until_ms = 0

    def begin(self, duration_ms: int, reason: str) -> None:
        """Pauses for `duration_ms` from now; a pause that already lasts longer stays."""
        now_ms = self._clock.now_ms()
        if self._until_ms <= now_ms:  # one event for each pause, not for each reply
            _log.warning(
                "exchange.paused",
                exchange=self._exchange_id,
                pause_s=duration_ms / 1000,
                reason=reason,
            )
        self._until_ms = max(self._until_ms, now_ms + duration_ms)

    async def keep(self) -> bool:
        """Waits until the pause is over; False where there was none.

        Raises RateLimited at once where it lasts longer than `LONGEST_PAUSE_MS`.
        """
        left_ms = self._until_ms - self._clock.now_ms()
        if left_ms <= 0:
            return False
        if left_ms > LONGEST_PAUSE_MS:
            raise RateLimited(
                f"{self._exchange_id} asked for a pause of another {left_ms / 1000:.0f} s",
                left_ms / 1000,
            )
        await self._clock.sleep(left_ms)
        return True
