"""The service manager is kept informed, and its watchdog quiet for as long as that is right."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from crypto_bot.adapters.service import ServiceSocket
from crypto_bot.domain.timeframe import Timeframe
from crypto_bot.engine.health import HealthReport
from crypto_bot.engine.pulse import Pulse


async def supervised(
    service: ServiceSocket,
    health: Callable[[], HealthReport],
    now_ms: Callable[[], int],
    timeframe: Timeframe,
) -> None:
    """Says READY, then gives a sign of life at twice the pace that the watchdog asks for.

    Runs in the engine's own event loop, so that a loop that hangs is silent. `now_ms` is the
    engine's clock. Until it is cancelled; at once where nobody watches.
    """
    service.ready(words(health()))
    if service.watchdog_s is None:
        return
    pulse = Pulse(timeframe)
    while True:
        report = health()
        told = words(report)
        if pulse.beats(report, now_ms()):
            service.alive(told)
        else:
            service.stuck(f"no sign of life: {told}")
        await asyncio.sleep(service.watchdog_s / 2)


def words(report: HealthReport) -> str:
    """The health in one line."""
    return f"{report.status}: {'; '.join(report.reasons)}" if report.reasons else report.status
