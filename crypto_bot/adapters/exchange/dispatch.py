"""Requests to an exchange: retried after a failure, not sent while it is down."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from random import SystemRandom
from typing import TypeVar

import structlog

from crypto_bot.adapters.exchange.pause import LONGEST_PAUSE_MS
from crypto_bot.domain.errors import (
    BadCandles,
    BadPrices,
    ExchangeUnavailable,
    MarketDataError,
    RateLimited,
)
from crypto_bot.ports import Clock

_FIRST_WAIT_MS = 500
_LONGEST_WAIT_MS = 8_000

_Answer = TypeVar("_Answer")
_log = structlog.get_logger(__name__)
_dice = SystemRandom()


class Refused(MarketDataError):
    """The exchange refused the request; a retry would not help."""


def backoff_ms(attempt: int, chance: float) -> int:
    """The wait after failed attempt number `attempt` (from 1), `chance` in 0..1.

    Doubles up to a cap, half of it fixed and half random ("equal jitter",
    Brooker, Exponential Backoff And Jitter, AWS Architecture Blog, 2015).
    """
    ceiling = min(_LONGEST_WAIT_MS, _FIRST_WAIT_MS << min(attempt - 1, 16))
    return round(ceiling * (0.5 + 0.5 * chance))


@dataclass(slots=True)
class Breaker:
    """A state machine without a clock: every call is given the time.

    Closed, it lets requests pass; open, the exchange is down and one probe passes in each interval.
    It opens after `streak_ms` of failures only, at least `failures` of them, that concern at least
    `quorum` coins or the exchange as a whole. One coin that cannot be served does not open it.
    """

    quorum: int = 1
    failures: int = 12
    streak_ms: int = 2_000
    probe_ms: int = 5_000
    down_since_ms: int | None = None
    """The first failure of the streak that opened it; None while it is closed."""
    _count: int = 0
    _since_ms: int = 0
    _probed_ms: int = 0
    _subjects: set[str | None] = field(default_factory=set)

    def admits(self, now_ms: int) -> bool:
        """Whether a request may be sent now. While open: one probe in each interval."""
        if self.down_since_ms is None:
            return True
        # After the clock was set back the last probe lies in the future, which must not block.
        if 0 <= now_ms - self._probed_ms < self.probe_ms:
            return False
        self._probed_ms = now_ms
        return True

    def failed(self, subject: str | None, now_ms: int) -> bool:
        """Counts a failure of coin `subject`, or of the exchange itself (None).

        True when this failure opened it.
        """
        if self.down_since_ms is not None:
            return False
        if self._count == 0 or now_ms < self._since_ms:
            self._since_ms = now_ms
        self._count += 1
        self._subjects.add(subject)
        spread = None in self._subjects or len(self._subjects) >= self.quorum
        if not spread or self._count < self.failures or now_ms - self._since_ms < self.streak_ms:
            return False
        self.down_since_ms = self._since_ms
        self._probed_ms = now_ms
        return True

    def succeeded(self, now_ms: int) -> int | None:
        """Ends the streak. How long the exchange was down (ms) when this closed it, else None."""
        since_ms, self.down_since_ms = self.down_since_ms, None
        self._count = 0
        self._subjects.clear()
        return None if since_ms is None else max(0, now_ms - since_ms)


class Dispatcher:
    """Sends requests to one exchange, up to `max_attempts` times each, through one breaker.

    Waits go through the clock, so that accelerated time shortens them.
    """

    def __init__(self, exchange_id: str, clock: Clock, max_attempts: int, breaker: Breaker) -> None:
        self._exchange_id = exchange_id
        self._clock = clock
        self._max_attempts = max_attempts
        self._breaker = breaker
        self._reason = self._problem = ""

    @property
    def problem(self) -> str | None:
        """The failure with which the current outage was noticed; None while the exchange is up."""
        return None if self._breaker.down_since_ms is None else self._problem

    async def ask(self, subject: str | None, request: Callable[[], Awaitable[_Answer]]) -> _Answer:
        """The answer to `request`, which concerns coin `subject` or the exchange as a whole (None).

        Raises the error of the last attempt. Not retried: any MarketDataError but the four
        caught below, anything while the breaker is open, and after a pause too long to wait for.
        """
        attempt = 1
        while True:
            try:
                return await self.once(subject, request)
            except (ExchangeUnavailable, RateLimited, BadCandles, BadPrices) as e:
                if attempt >= self._max_attempts or self._breaker.down_since_ms is not None:
                    raise
                if not isinstance(e, RateLimited):
                    await self._clock.sleep(backoff_ms(attempt, _dice.random()))
                elif e.retry_after_s * 1000 > LONGEST_PAUSE_MS:
                    raise
                # The client waits for the end of a shorter pause before its next request.
            attempt += 1

    async def once(self, subject: str | None, request: Callable[[], Awaitable[_Answer]]) -> _Answer:
        """One attempt, counted by the breaker. Raises as `ask`.

        RateLimited is neither a failure nor a success: the exchange is up, but busy.
        """
        if not self._breaker.admits(self._clock.now_ms()):
            raise ExchangeUnavailable(f"{self._exchange_id} is down: {self._reason}")
        try:
            answer = await request()
        except ExchangeUnavailable as e:
            self._failed(subject, str(e))
            raise
        except (BadCandles, BadPrices, Refused):
            self._answered()  # the exchange is up: one coin's fault is not an outage
            raise
        self._answered()
        return answer

    def _failed(self, subject: str | None, reason: str) -> None:
        self._reason = reason
        if self._breaker.failed(subject, self._clock.now_ms()):
            self._problem = reason
            _log.error("exchange.down", exchange=self._exchange_id, reason=reason)

    def _answered(self) -> None:
        down_ms = self._breaker.succeeded(self._clock.now_ms())
        if down_ms is not None:
            _log.info("exchange.up", exchange=self._exchange_id, down_s=down_ms / 1000)
