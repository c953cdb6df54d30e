"""Reports the health to the service manager, and notifies its watchdog while it is good."""

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
    """Sends READY, then notifies the watchdog twice per watchdog interval until cancelled.

    Runs in the engine's event loop, so that a hanging loop stops the notifications. `now_ms` is
    the engine's clock. Returns at once without a watchdog.
    """
    service.ready(status_line(health()))
    if service.watchdog_s is None:
        return
    pulse = Pulse(timeframe)
    while True:
        report = health()
        status = status_line(report)
        if pulse.beats(report, now_ms()):
            service.alive(status)
        else:
            service.stuck(f"watchdog not notified: {status}")
        await asyncio.sleep(service.watchdog_s / 2)


def status_line(report: HealthReport) -> str:
    """The health in one line."""
    return f"{report.status}: {'; '.join(report.reasons)}" if report.reasons else report.status
