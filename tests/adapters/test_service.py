"""What systemd receives, over a real datagram socket."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from crypto_bot.adapters.service import ServiceSocket
from crypto_bot.app.supervision import supervised
from crypto_bot.domain.instant import HOUR_MS
from crypto_bot.domain.timeframe import Timeframe
from crypto_bot.engine.health import Health, HealthReport, assess

QUARTER = Timeframe.parse("15m")
OPEN_MS = 1_764_547_200_000


class Manager:
    """The end of the socket that systemd holds."""

    def __init__(self, address: str) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(address)
        self._socket.settimeout(120)
        self.environment = {"NOTIFY_SOCKET": address.replace("\0", "@")}

    def received(self) -> list[str]:
        return self._socket.recv(4096).decode().split("\n")

    async def next(self) -> list[str]:
        return await asyncio.to_thread(self.received)

    def close(self) -> None:
        self._socket.close()


@pytest.fixture(params=["path", "abstract"])
def manager(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Manager]:
    name = str(tmp_path / "notify")
    made = Manager(name if request.param == "path" else f"\0crypto_bot{name}"[:100])
    yield made
    made.close()


class Engine:
    """Health at a moment that the test moves."""

    def __init__(self) -> None:
        self.now_ms = OPEN_MS + 2 * QUARTER.ms
        self.health = Health(
            started_ms=OPEN_MS, last_cycle_ms=self.now_ms, last_open_ms=OPEN_MS + QUARTER.ms
        )

    def report(self) -> HealthReport:
        return assess(self.health, self.now_ms, QUARTER, patience_ms=60_000)

    def now(self) -> int:
        return self.now_ms


def supervise(manager: Manager, engine: Engine, watchdog_us: int) -> asyncio.Task[None]:
    environment = {**manager.environment, "WATCHDOG_USEC": str(watchdog_us), "WATCHDOG_PID": "7"}
    service = ServiceSocket(environment, pid=7)
    return asyncio.create_task(supervised(service, engine.report, engine.now, QUARTER))


async def test_ready_then_alive_then_silent_when_it_is_stuck(manager: Manager) -> None:
    engine = Engine()
    task = supervise(manager, engine, 100_000)
    assert await manager.next() == ["READY=1", "STATUS=running"]
    assert await manager.next() == ["WATCHDOG=1", "STATUS=running"]
    engine.now_ms += 2 * HOUR_MS
    state = await manager.next()
    while state[0] == "WATCHDOG=1":
        state = await manager.next()
    assert state[0].startswith("STATUS=watchdog not notified: degraded: signals are behind")
    assert (await manager.next())[0].startswith("STATUS=")
    engine.health = replace(engine.health, last_cycle_ms=engine.now_ms)
    while not (state := await manager.next())[0].startswith("WATCHDOG=1"):
        assert state[0].startswith("STATUS=")
    task.cancel()


async def test_an_exchange_that_is_down_is_no_reason_to_restart(manager: Manager) -> None:
    engine = Engine()
    engine.health = replace(engine.health, exchange_down_since_ms=engine.now_ms)
    engine.now_ms += 48 * HOUR_MS
    task = supervise(manager, engine, 20_000)
    assert (await manager.next())[0] == "READY=1"
    assert (await manager.next())[0] == "WATCHDOG=1"
    engine.health = replace(engine.health, exchange_down_since_ms=None)
    assert (await manager.next())[0] == "WATCHDOG=1", "it has time to catch up"
    task.cancel()


async def test_without_a_watchdog_it_is_ready_and_says_no_more(manager: Manager) -> None:
    service = ServiceSocket(manager.environment, pid=7)
    await supervised(service, Engine().report, Engine().now, QUARTER)
    service.stopping()
    assert await manager.next() == ["READY=1", "STATUS=running"]
    assert await manager.next() == ["STOPPING=1", "STATUS=stopping"]


@pytest.mark.parametrize(
    ("environment", "watched"),
    [
        ({}, None),
        ({"WATCHDOG_USEC": "2000000"}, None),
        ({"NOTIFY_SOCKET": "/x", "WATCHDOG_USEC": "2000000"}, 2.0),
        ({"NOTIFY_SOCKET": "/x", "WATCHDOG_USEC": "2000000", "WATCHDOG_PID": "7"}, 2.0),
        ({"NOTIFY_SOCKET": "/x", "WATCHDOG_USEC": "2000000", "WATCHDOG_PID": "8"}, None),
        ({"NOTIFY_SOCKET": "/x", "WATCHDOG_USEC": "soon"}, None),
        ({"NOTIFY_SOCKET": "/x", "WATCHDOG_USEC": "0"}, None),
    ],
)
def test_who_is_watched(environment: dict[str, str], watched: float | None) -> None:
    assert ServiceSocket(environment, pid=7).watchdog_s == watched


def test_a_manager_that_is_gone_is_no_error() -> None:
    ServiceSocket({"NOTIFY_SOCKET": "/nonexistent/notify"}, pid=7).ready("running")
