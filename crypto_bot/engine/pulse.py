"""Whether a restart might help: the exchange is up, and yet no cycle has ended for long."""

from __future__ import annotations

from crypto_bot.domain.timeframe import Timeframe
from crypto_bot.engine.health import HealthReport, Status

_TIMEFRAMES = 4
_LEAST_MS = 3_600_000


class Pulse:
    """A state machine without a clock, asked again and again.

    An engine whose exchange is down is alive, and so is one that is starting: a restart would mend
    neither. An engine that hangs altogether does not ask.
    """

    def __init__(self, timeframe: Timeframe) -> None:
        self._limit_ms = max(_TIMEFRAMES * timeframe.ms, _LEAST_MS)
        self._alive_ms = 0

    def beats(self, report: HealthReport, now_ms: int) -> bool:
        """False where it has stopped, or had reason and no cycle for four candles and an hour."""
        cycle_ms = report.health.last_cycle_ms
        if report.health.exchange_down_since_ms is not None or cycle_ms is None:
            cycle_ms = now_ms
        self._alive_ms = max(self._alive_ms, cycle_ms)
        return report.status is not Status.STOPPED and now_ms - self._alive_ms <= self._limit_ms
