"""The only place that reads the time."""

from __future__ import annotations

import asyncio
import time

_RUNNING = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


class SystemClock:
    """UTC as of the start of the process, continued by a clock that cannot be set.

    So no candle is repeated or skipped when the machine's time is set or it sleeps. `correct`
    removes the error of the machine's time, as measured against the exchange.
    """

    def __init__(self) -> None:
        self._started = self.seconds()
        self._origin_ms = time.time_ns() // 1_000_000

    def now_ms(self) -> int:
        return self._origin_ms + int((self.seconds() - self._started) * 1000)

    def seconds(self) -> float:
        """Seconds since some instant, sleep included; for measuring how long something took."""
        return time.clock_gettime(_RUNNING)

    def real_seconds(self, duration_ms: int) -> float:
        return duration_ms / 1000.0

    async def sleep(self, duration_ms: int) -> None:
        await asyncio.sleep(max(0.0, self.real_seconds(duration_ms)))

    def correct(self, offset_ms: int) -> None:
        """Moves it by `offset_ms`: the exchange's time minus this clock's, as just measured."""
        self._origin_ms += offset_ms


class AcceleratedClock:
    """The clock of a simulated market: `speed` seconds pass in one real second.

    `origin_ms` is the simulated time at `anchor_ms` of the machine's own clock, so that the
    exchange and an engine that is restarted read the same time.
    """

    def __init__(self, origin_ms: int, anchor_ms: int, speed: float) -> None:
        self._origin_ms = origin_ms
        self._anchor_ms = anchor_ms
        self._speed = speed

    def now_ms(self) -> int:
        elapsed_ms = time.time_ns() / 1e6 - self._anchor_ms
        return self._origin_ms + int(elapsed_ms * self._speed)

    def real_seconds(self, duration_ms: int) -> float:
        return duration_ms / 1000.0 / self._speed

    async def sleep(self, duration_ms: int) -> None:
        await asyncio.sleep(max(0.0, self.real_seconds(duration_ms)))
