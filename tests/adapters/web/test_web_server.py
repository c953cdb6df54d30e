"""The server over real sockets: its port, its streams, its end."""

from __future__ import annotations

import asyncio
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from crypto_bot.adapters.web import EventStream, WebServer, bind
from crypto_bot.adapters.web.access import AccessGuard
from crypto_bot.adapters.web.event_stream import MAX_LISTENERS
from crypto_bot.domain.errors import ConfigError
from crypto_bot.domain.loopback import address_of
from crypto_bot.ports import Commit
from tests.adapters.web.conftest import make_signal

MakeApp = Callable[..., FastAPI]


@asynccontextmanager
async def serving(app: FastAPI, stream: EventStream, **options: int) -> AsyncIterator[WebServer]:
    server = WebServer(app, bind("127.0.0.1", 0, **options), stream)
    await server.start()
    try:
        yield server
    finally:
        await server.stop()


def client(server: WebServer) -> httpx.AsyncClient:
    return httpx.AsyncClient(base_url=f"http://127.0.0.1:{server.port}", timeout=120)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(120):
        while not condition():  # noqa: ASYNC110 - a state of a real server, not an event of ours
            await asyncio.sleep(0.01)


def test_responses_do_not_wait_for_an_acknowledgement() -> None:
    """The head and the body of an answer are two writes; Nagle would hold back the second."""
    with (
        bind("127.0.0.1", 0) as listener,
        socket.create_connection(listener.getsockname()),
        listener.accept()[0] as accepted,
    ):
        assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) == 1


@pytest.mark.parametrize(
    ("host", "port", "message"),
    [
        ("256.0.0.1", 0, r"cannot listen on port 0 of 256.0.0.1 \(.*\): choose .*"),
        ("203.0.113.9", 0, r"cannot listen on port 0 of 203.0.113.9 \(.*\): choose .*"),
        ("127.0.0.1", 70_000, r"there is no port 70000: use 0 \(any free one\) to 65535"),
        ("127.0.0.1", -1, r"there is no port -1: use 0 \(any free one\) to 65535"),
        ("127.0.0.1", None, r"port \d+ of 127.0.0.1 is taken by another program: end it or .*"),
    ],
)
def test_an_address_that_cannot_be_is_an_error_of_one_line(
    host: str, port: int | None, message: str
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        taken = other.getsockname()[1]
        with pytest.raises(ConfigError, match=f"^{message}$"):
            bind(host, taken if port is None else port)


def test_the_web_loads_nothing_heavy() -> None:
    """It starts before anything else, so that `/healthz` answers at once."""
    heavy = "('ccxt', 'numpy', 'pandas', 'sqlalchemy', 'torch')"
    probe = f"import sys, crypto_bot.adapters.web; print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


async def test_it_installs_no_signal_handlers_and_leaves_its_port_free(
    make_app: MakeApp, stream: EventStream
) -> None:
    before = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)
    async with serving(make_app(), stream) as server, client(server) as api:
        assert (await api.get("/healthz")).json()["status"] == "starting"
        assert (signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)) == before
        assert "server" not in (await api.get("/api/predictions")).headers
        port = server.port
    bind("127.0.0.1", port).close()


async def test_a_server_that_never_started_stops(make_app: MakeApp, stream: EventStream) -> None:
    server = WebServer(make_app(), bind("127.0.0.1", 0), stream)
    await server.stop()


async def test_a_listener_gets_health_first_and_then_new_events_until_it_leaves(
    make_app: MakeApp, stream: EventStream, engine: Any
) -> None:
    async with serving(make_app(), stream) as server, client(server) as api:
        headers = {"Last-Event-ID": "0"}
        async with api.stream("GET", "/api/stream", headers=headers) as answer:
            assert answer.headers["content-type"].startswith("text/event-stream")
            assert answer.headers["cache-control"] == "no-store"
            lines = answer.aiter_lines()
            assert await event_of(lines) == "health"
            stream.committed(Commit(1, [make_signal()], []))
            assert await event_of(lines) == "signal"
            engine.ran()
            assert await event_of(lines) == "health"
            assert stream.listeners == 1
        await until(lambda: stream.listeners == 0)
        stream.listeners = MAX_LISTENERS
        refused = await api.get("/api/stream")
        assert refused.status_code == 503
        assert refused.json()["detail"] == (
            f"{MAX_LISTENERS} listeners are connected, which is the limit: try later"
        )


async def event_of(lines: AsyncIterator[str]) -> str:
    """The name of the next event."""
    async with asyncio.timeout(120):
        while not (line := await anext(lines)).startswith("event: "):
            continue
    return line.removeprefix("event: ")


async def test_it_stops_with_listeners_and_a_stalled_client(
    make_app: MakeApp, caplog: pytest.LogCaptureFixture
) -> None:
    stream = EventStream(memory=20_000)
    server = WebServer(make_app(stream=stream), bind("127.0.0.1", 0), stream)
    await server.start()
    async with client(server) as api, api.stream("GET", "/api/stream") as answer:
        with stalled_listener(server.port):
            await until(lambda: stream.listeners == 2)
            flood(stream, 12_000)
            await asyncio.sleep(0)
            reading = asyncio.ensure_future(answer.aread())
            async with asyncio.timeout(120):
                await server.stop()
            await reading
    assert stream.listeners == 0
    assert caplog.records == []  # an end is not an error


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's own timeout is Linux only")
async def test_a_client_that_takes_nothing_is_dropped_and_costs_no_memory(
    make_app: MakeApp, stream: EventStream
) -> None:
    async with serving(make_app(), stream, stall_ms=300) as server, client(server) as api:
        with stalled_listener(server.port):
            await until(lambda: stream.listeners == 1)

            def pushed() -> bool:
                flood(stream, 32)
                return stream.listeners == 0

            await until(pushed)
        assert (await api.get("/api/predictions")).status_code == 200


def stalled_listener(port: int) -> socket.socket:
    """Opens the stream and reads nothing."""
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    listener.connect(("127.0.0.1", port))
    listener.sendall(b"GET /api/stream HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
    return listener


def flood(stream: EventStream, count: int) -> None:
    one = make_signal()
    stream.committed(Commit(1, [one] * count, []))


async def test_a_stop_in_the_middle_of_a_request_logs_no_error(
    caplog: pytest.LogCaptureFixture,
) -> None:
    begun = asyncio.Event()
    app = FastAPI()

    @app.get("/long")
    async def long() -> None:
        begun.set()
        await asyncio.Event().wait()

    async with serving(app, EventStream(memory=1)) as server, client(server) as browser:
        asked = asyncio.create_task(browser.get("/long"))
        await begun.wait()
        await server.stop()
        with pytest.raises(httpx.HTTPError):
            await asked
    assert caplog.records == []


async def test_an_ipv6_address_is_served() -> None:
    if not socket.has_ipv6:
        pytest.skip("this machine has no IPv6")
    stream = EventStream(memory=1)
    app = FastAPI()
    app.add_middleware(AccessGuard, host="::1", token=None)
    server = WebServer(app, bind("::1", 0), stream)
    await server.start()
    try:
        async with httpx.AsyncClient(base_url=f"http://{address_of('::1')}:{server.port}") as user:
            assert (await user.get("/docs")).status_code == 200
    finally:
        await server.stop()
