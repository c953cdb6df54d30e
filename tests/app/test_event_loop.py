"""Nothing reads the database on the event loop: candles, streams and pages would wait for it."""

from __future__ import annotations

import asyncio
import signal
import traceback
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx
import pytest
from sqlalchemy import Connection
from structlog.testing import capture_logs

from crypto_bot.adapters.store.database import Database
from crypto_bot.app.daemon import Daemon
from crypto_bot.app.settings import load

pytestmark = pytest.mark.slow


@pytest.fixture
def on_a_loop(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Where a thread that runs an event loop began a transaction."""
    found: list[str] = []
    begin = Database._begin

    @contextmanager
    def watched(database: Database, *, writes: bool) -> Generator[Connection]:
        with suppress(RuntimeError):
            asyncio.get_running_loop()
            found.append("".join(traceback.format_stack(limit=10)))
        with begin(database, writes=writes) as connection:
            yield connection

    monkeypatch.setattr(Database, "_begin", watched)
    return found


async def test_the_daemon_reads_in_threads_alone(on_a_loop: list[str], tmp_path: Path) -> None:
    """From its start to its end, with every call of the API and the first page in between."""
    Database.open("sqlite://").close()
    assert on_a_loop, "a read on a loop is noticed"
    on_a_loop.clear()
    (tmp_path / "coins.json").write_text('["BTCUSDT", "ETHUSDT"]')
    flags = {
        "use_ml": False,
        "symbols_file": tmp_path / "coins.json",
        "database_url": f"sqlite:///{tmp_path / 'engine.db'}",
        "api": {"port": 0},
        "exchange": {"id": "sim"},
        "sim": {"speed": 600},
        "engine": {"record_bars": 20, "horizon_bars": 4, "record_lag_bars": 8},
    }
    with capture_logs() as logs:
        running = asyncio.create_task(Daemon(load(flags)).run())
        while not (started := [each for each in logs if each["event"] == "engine.started"]):
            assert not running.done(), running.exception()
            await asyncio.sleep(0.1)
        try:
            # On a busy machine the server may close a kept connection just as it is used again.
            limits = httpx.Limits(max_keepalive_connections=0)
            url = started[0]["url"]
            async with httpx.AsyncClient(base_url=url, timeout=None, limits=limits) as client:
                await use(client)
        finally:
            signal.raise_signal(signal.SIGTERM)
            assert await running == 0
    assert on_a_loop == []


async def use(client: httpx.AsyncClient) -> None:
    """Asks for all there is, once there are signals."""
    while not (await client.get("/api/signals?limit=5")).json()["signals"]:  # noqa: ASYNC110 - of another process
        await asyncio.sleep(0.2)
    paths = (await client.get("/openapi.json")).json()["paths"]
    for path, calls in paths.items():
        if "get" in calls and path != "/api/stream":
            answer = await client.get(path.format(symbol="BTCUSDT"))
            assert answer.status_code < 500, path
    async with client.stream("GET", "/api/stream", headers={"Last-Event-ID": "1"}) as stream:
        async for line in stream.aiter_lines():
            if line.startswith("event: signal"):
                break
    assert (await client.get("/")).status_code == 200
