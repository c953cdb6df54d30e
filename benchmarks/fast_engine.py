"""The daemon on a machine whose clock runs fast: `python -m benchmarks.fast_engine CLOCK FLAGS`.

CLOCK are the numbers of a simulated exchange, which the engine then takes for a live one: it reads
its `/time`, and doubts it.
"""

from __future__ import annotations

import asyncio
import sys
import time

from crypto_bot.adapters.clock import SystemClock
from crypto_bot.app import daemon, live_engine, market
from crypto_bot.app.cli import run_main

origin_ms, anchor_ms, speed = map(float, sys.argv.pop(1).split(","))


class FastClock(SystemClock):
    """The machine's time, `speed` times as fast."""

    def __init__(self) -> None:
        super().__init__()
        self._moved_ms = 0

    def now_ms(self) -> int:
        elapsed_ms = time.time_ns() / 1e6 - anchor_ms
        return int(origin_ms + elapsed_ms * speed) + self._moved_ms

    def real_seconds(self, duration_ms: int) -> float:
        return duration_ms / 1000 / speed

    async def sleep(self, duration_ms: int) -> None:
        await asyncio.sleep(max(0.0, self.real_seconds(duration_ms)))

    def correct(self, offset_ms: int) -> None:
        self._moved_ms += offset_ms


for module in (daemon, market):
    module.SystemClock = FastClock  # type: ignore[attr-defined]
live_engine._HOUR_S, live_engine._MINUTE_S = 15, 5  # noqa: SLF001
raise SystemExit(run_main())
