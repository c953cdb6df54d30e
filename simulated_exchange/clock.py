"""The simulated time: it starts at a chosen instant and runs at a multiple of real time."""

from __future__ import annotations

import time
from typing import NamedTuple, Protocol


class Clock(Protocol):
    """The time of the exchange."""

    def now_ms(self) -> int:
        """Simulated UTC milliseconds."""
        ...

    def real_seconds(self, duration_ms: int) -> float:
        """How long `duration_ms` of simulated time take on this machine."""
        ...


def machine_ms() -> int:
    """UTC milliseconds of this machine."""
    return time.time_ns() // 1_000_000


class ScaledClock(NamedTuple):
    """Shows `origin_ms` when the machine's clock shows `anchor_ms`, and runs `speed` times as fast.

    Another process that knows the three numbers reads the same time.
    """

    origin_ms: int
    anchor_ms: int
    speed: float

    def now_ms(self) -> int:
        elapsed_ms = time.time_ns() / 1e6 - self.anchor_ms
        return self.origin_ms + int(elapsed_ms * self.speed)

    def real_seconds(self, duration_ms: int) -> float:
        return duration_ms / 1000.0 / self.speed
