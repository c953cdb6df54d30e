"""The pause of all requests after an exchange reported too many of them."""

from __future__ import annotations

import structlog

from crypto_bot.domain.errors import RateLimited
from crypto_bot.ports import Clock

LONGEST_PAUSE_MS = 120_000
"""A longer pause (a ban can take days) is an error instead of a wait."""

_log = structlog.get_logger(__name__)


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
