"""When to run: at each candle close plus a moment, by the engine's own clock."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta

from apscheduler.triggers.base import BaseTrigger

from crypto_bot.domain.instant import HOUR_MS
from crypto_bot.domain.timeframe import Timeframe
from crypto_bot.ports import Clock


class CandleCloseTrigger(BaseTrigger):  # type: ignore[misc]  # apscheduler has no types
    """Fires `delay_ms` after every candle close.

    The scheduler runs on the machine's clock, the candles on the engine's, which is corrected or
    may run faster: so each fire time is computed from what is left until the next close.
    """

    def __init__(self, timeframe: Timeframe, clock: Clock, delay_ms: int) -> None:
        self._timeframe = timeframe
        self._clock = clock
        self._delay_ms = delay_ms

    def get_next_fire_time(
        self,
        previous_fire_time: datetime | None,  # noqa: ARG002 - named by apscheduler
        now: datetime,
    ) -> datetime:
        """The next close after `now`, as a time of the machine."""
        now_ms = self._clock.now_ms()
        close_ms = self._timeframe.close_of(self._timeframe.open_of(now_ms - self._delay_ms))
        wait_s = self._clock.real_seconds(close_ms + self._delay_ms - now_ms)
        return now.astimezone(UTC) + timedelta(seconds=wait_s)


def look_s(clock: Clock) -> float:
    """Seconds between two looks at what is due: a minute, but at most an hour of the market."""
    return min(60.0, clock.real_seconds(HOUR_MS))


def cancellable(job: Callable[[], Awaitable[None]]) -> Callable[[], Awaitable[None]]:
    """`job` for the scheduler, which logs a job that its own shutdown cancels as failed."""

    async def run() -> None:
        with suppress(asyncio.CancelledError):
            await job()

    return run
