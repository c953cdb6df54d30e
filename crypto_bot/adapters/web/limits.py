"""What visitors may take: connections, time for a request's head, length of bodies, requests."""

from __future__ import annotations

import asyncio
import resource
from collections.abc import Iterable

from starlette.datastructures import Headers
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle
from uvicorn.protocols.utils import get_remote_addr

from crypto_bot.domain.loopback import is_loopback

MOST_CONNECTIONS = 512
MOST_OF_AN_ADDRESS = 64
"""Of one address that is not this machine, on which a proxy may stand for everybody."""
HEAD_S = 10.0
"""For the head of a request, from the connection or from its first byte."""
BODY_S = 30.0
LONGEST_BODY = 1_000_000
MOST_IN_FLIGHT = 64
ACCEPTED_AT_ONCE = 64
"""Connections are accepted in such numbers before the first of them can be refused."""

_WANTED_DESCRIPTORS = 4_096
_RESERVED_DESCRIPTORS = 256
"""For the engine: database, exchange, models, and connections on their way to be refused."""
_UNCOUNTED = frozenset({"/healthz", "/api/stream"})
"""Health is always answered; listeners have a limit of their own."""


def most_connections() -> int:
    """As many as may be open at once, so that the engine's descriptors are left to it.

    Raises the limit of the process where its own is low and the system allows it.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _WANTED_DESCRIPTORS if hard == resource.RLIM_INFINITY else min(hard, 4_096)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        soft = wanted
    if soft == resource.RLIM_INFINITY:
        return MOST_CONNECTIONS
    return max(16, min(MOST_CONNECTIONS, soft - _RESERVED_DESCRIPTORS))


class LimitedProtocol(H11Protocol):
    """Closes at once what is too many, and what does not say what it wants in time."""

    most = MOST_CONNECTIONS
    most_of_an_address = MOST_OF_AN_ADDRESS
    head_s = HEAD_S
    _refused = False
    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        address = (get_remote_addr(transport) or ("", 0))[0]
        if self._is_too_many(address, self.connections):
            self._refused = True
            transport.abort()
            return
        super().connection_made(transport)
        self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        self._head_is_there()
        if not self._refused:
            super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        cycle: RequestResponseCycle | None = self.cycle
        if cycle is not None and not cycle.response_complete:
            self._head_is_there()
        elif self._deadline is None and self.transport.get_protocol() is self:
            self._await_head()

    def handle_websocket_upgrade(self, event: object) -> None:
        self._head_is_there()
        super().handle_websocket_upgrade(event)  # type: ignore[arg-type]

    def _is_too_many(self, address: str, others: Iterable[object]) -> bool:
        clients = [getattr(each, "client", None) or ("", 0) for each in others]
        if len(clients) >= self.most:
            return True
        same = sum(client[0] == address for client in clients)
        return same >= self.most_of_an_address and not is_loopback(address)

    def _await_head(self) -> None:
        self._deadline = self.loop.call_later(self.head_s, self.transport.abort)

    def _head_is_there(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None


class Limits:
    """Refuses bodies that are too long (413) and requests beyond those in flight (503).

    A body that is sent without its length, or too slowly, ends as if the client had left.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._in_flight = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] in _UNCOUNTED:
            await self._app(scope, receive, send)
            return
        length = Headers(scope=scope).get("content-length", "0")
        if length.isdecimal() and int(length[:12]) > LONGEST_BODY:
            problem = {"detail": f"a body may have {LONGEST_BODY:,} bytes"}
            await JSONResponse(problem, 413, {"Connection": "close"})(scope, receive, send)
            return
        if self._in_flight >= MOST_IN_FLIGHT:
            problem = {"detail": f"{MOST_IN_FLIGHT} requests are being answered: try again"}
            await JSONResponse(problem, 503, {"Retry-After": "1"})(scope, receive, send)
            return
        self._in_flight += 1
        try:
            await self._app(scope, _bounded(receive), send)
        finally:
            self._in_flight -= 1


def _bounded(receive: Receive) -> Receive:
    deadline = asyncio.get_running_loop().time() + BODY_S
    taken, is_whole = 0, False

    async def received() -> Message:
        nonlocal taken, is_whole
        if is_whole:
            return await receive()
        try:
            async with asyncio.timeout_at(deadline):
                message = await receive()
        except TimeoutError:
            return {"type": "http.disconnect"}
        taken += len(message.get("body", b""))
        is_whole = not message.get("more_body", False)
        return message if taken <= LONGEST_BODY else {"type": "http.disconnect"}

    return received
