"""The web server inside the daemon's event loop; the daemon handles process signals."""

from __future__ import annotations

import asyncio
import errno
import logging
import socket
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn
from fastapi import FastAPI

from crypto_bot.adapters.web.event_stream import EventStream
from crypto_bot.adapters.web.limits import ACCEPTED_AT_ONCE, LimitedProtocol, most_connections
from crypto_bot.domain.errors import ConfigError

STALL_MS = 20_000
"""A client that reads nothing for so long is disconnected by the kernel (Linux)."""
_GRACE_S = 0.4
_LAST_PORT = 65_535


def bind(host: str, port: int, *, stall_ms: int = STALL_MS) -> socket.socket:
    """Listens on `host`:`port` (0: any free port). Raises ConfigError if that fails."""
    if not 0 <= port <= _LAST_PORT:
        raise ConfigError(f"there is no port {port}: use 0 (any free one) to {_LAST_PORT}")
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        listener = socket.create_server((host, port), family=family)
    except OSError as error:
        raise ConfigError(_why_not(host, port, error)) from error
    # Connections inherit it; asyncio sets it only if the socket has a protocol number. Without it
    # a response waits 40 ms for the acknowledgement of its head.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if hasattr(socket, "TCP_USER_TIMEOUT"):
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, stall_ms)
    return listener


def _why_not(host: str, port: int, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"port {port} of {host} is taken by another program: end it or choose another --port"
    reason = error.strerror or str(error)
    return f"cannot listen on port {port} of {host} ({reason}): choose another --host or --port"


class _Server(uvicorn.Server):
    """Installs no signal handlers, and reports when it is up."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.up = asyncio.Event()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.up.set()

    def cut_off(self) -> None:
        """Closes the connections that are still open, even with unsent data."""
        for connection in list(self.server_state.connections):
            if connection.transport is not None:
                connection.transport.abort()


class WebServer:
    """Serves `app` on `listener`, a socket from `bind`, as a task of the running loop.

    `limits` replace those of `LimitedProtocol`.
    """

    def __init__(
        self, app: FastAPI, listener: socket.socket, stream: EventStream, **limits: float
    ) -> None:
        self._listener = listener
        self._stream = stream
        protocol = type("Protocol", (LimitedProtocol,), {"most": most_connections(), **limits})
        self._server = _Server(
            uvicorn.Config(
                app,
                http=protocol,
                backlog=ACCEPTED_AT_ONCE,
                ws="websockets-sansio",
                lifespan="on",
                log_config=None,
                log_level="warning",
                access_log=False,
                proxy_headers=False,
                server_header=False,
                timeout_graceful_shutdown=1,
            )
        )
        self._task: asyncio.Task[None] | None = None

    @property
    def port(self) -> int:
        """The port it listens on."""
        port: int = self._listener.getsockname()[1]
        return port

    async def start(self) -> None:
        """Returns when requests are served."""
        self._task = asyncio.create_task(self._server.serve([self._listener]), name="web")
        up = asyncio.create_task(self._server.up.wait())
        await asyncio.wait({self._task, up}, return_when=asyncio.FIRST_COMPLETED)
        if not up.done():
            up.cancel()
            await self._task

    async def stop(self) -> None:
        """Ends the streams, lets other responses finish, then closes connections. Within 1 s."""
        self._stream.close()
        self._server.should_exit = True
        if self._task is None:
            self._listener.close()
            return
        done, _ = await asyncio.wait({self._task}, timeout=_GRACE_S)
        if not done:
            with _unlogged():
                self._server.cut_off()
                await self._task
        await self._task


@contextmanager
def _unlogged() -> Iterator[None]:
    """Requests that are cut off at a stop are no errors, as which uvicorn logs them."""
    log = logging.getLogger("uvicorn.error")
    log.addFilter(_nothing)
    try:
        yield
    finally:
        log.removeFilter(_nothing)


def _nothing(_: logging.LogRecord) -> bool:
    return False
