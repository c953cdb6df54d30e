"""Whether a restart might help: the exchange is up, but no cycle has ended for long."""

from __future__ import annotations

from crypto_bot.domain.timeframe import Timeframe
from crypto_bot.engine.health import HealthReport, Status

_TIMEFRAMES = 4
_LEAST_MS = 3_600_000


class Pulse:
    """A state machine without a clock, polled by the engine.

    An engine counts as alive while its exchange is down and while it starts: a restart would help
    neither. An engine that hangs does not poll.
    """

    def __init__(self, timeframe: Timeframe) -> None:
        self._limit_ms = max(_TIMEFRAMES * timeframe.ms, _LEAST_MS)
        self._alive_ms = 0

    def beats(self, report: HealthReport, now_ms: int) -> bool:
        """False when stopped, or without a cycle for four candles and at least an hour."""
        cycle_ms = report.health.last_cycle_ms
        if report.health.exchange_down_since_ms is not None or cycle_ms is None:
            cycle_ms = now_ms
        self._alive_ms = max(self._alive_ms, cycle_ms)
        return report.status is not Status.STOPPED and now_ms - self._alive_ms <= self._limit_ms
