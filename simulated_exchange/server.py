"""The simulated exchange on the wire: an ASGI application on uvicorn."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from http import HTTPStatus
from urllib.parse import parse_qsl

import uvicorn
from starlette.types import Receive, Scope, Send

from simulated_exchange import deribit
from simulated_exchange.clock import Clock, ScaledClock
from simulated_exchange.config import ConfigError, SimConfig
from simulated_exchange.faults import (
    Delivery,
    FaultKind,
    Faults,
    Wire,
    encoded,
    page,
)
from simulated_exchange.market import Market
from simulated_exchange.perpetual import PerpetualRest
from simulated_exchange.quirks import Quirks
from simulated_exchange.rest import Reply, SpotRest
from simulated_exchange.stream import BookTickers
from simulated_exchange.tape import Tape

_HOST = "127.0.0.1"
"""Not reachable from another machine."""
_NEVER_SPOILT = ("/ping", "/exchangeInfo")
_LONGEST_HOLD_S = 30.0
"""A client that waits longer than this for a held reply gets it after all."""
_KEEP_ALIVE_S = 300
"""Longer than a client keeps an idle connection, so that it never meets a closed one."""


class SimExchange:
    """Routes requests to the endpoints of Binance and Deribit and to the controls under /sim."""

    def __init__(self, tape: Tape, clock: Clock, numbers: ScaledClock, faults: Faults) -> None:
        self._spot = SpotRest(tape)
        self._perpetual = PerpetualRest(tape, self._spot)
        self._clock = clock
        self._numbers = numbers
        self._faults = faults
        self._quirks = Quirks()
        self._tickers = BookTickers(self._spot, clock, faults)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await self._tickers.serve(scope, receive, send)
        if scope["type"] != "http":
            return
        body = await _body(receive)
        path, method = scope["path"], scope["method"]
        if path.startswith("/sim/"):
            wire = self._control(method, path, body)
        elif method == "GET":
            query = dict(parse_qsl(scope["query_string"].decode(), keep_blank_values=True))
            wire = self._public(path, query)
        else:
            wire = page(HTTPStatus.NOT_FOUND)
        await _deliver(wire, receive, send)

    def _public(self, path: str, query: dict[str, str]) -> Wire:
        now_ms = self._clock.now_ms()
        out = self._faults.outage(now_ms)
        if out is not None:
            return out
        reply = self._reply(path, query, now_ms)
        if reply is None:
            return page(HTTPStatus.NOT_FOUND)
        reply = self._quirks.applied(path, query, reply, now_ms)
        if path.endswith(_NEVER_SPOILT):
            return encoded(reply)
        return self._faults.spoil(reply, now_ms)

    def _reply(self, path: str, query: dict[str, str], now_ms: int) -> Reply | None:
        if path.startswith("/api/v2/"):
            return deribit.reply(path, query, now_ms)
        rest = self._perpetual if path.startswith("/fapi/") else self._spot
        return rest.reply(path, query, now_ms)

    def _control(self, method: str, path: str, body: bytes) -> Wire:
        try:
            match method, path:
                case "GET", "/sim/clock":
                    return encoded(Reply(200, dict(self._numbers._asdict())))
                case "GET", "/sim/faults":
                    pass
                case "POST", "/sim/faults":
                    wanted = json.loads(body)
                    kinds = [FaultKind(kind) for kind in wanted.get("kinds", FaultKind)]
                    self._faults.set_rate(_number(wanted, "rate", 1.0), kinds)
                case "POST", "/sim/quirks":
                    self._quirks = Quirks.of(json.loads(body))
                case "POST", "/sim/outage":
                    seconds = _number(json.loads(body), "seconds", 1e9)
                    self._faults.begin_outage(self._clock.now_ms() + int(seconds * 1000))
                case _:
                    return page(HTTPStatus.NOT_FOUND)
        except (ValueError, TypeError, KeyError, AttributeError) as e:
            return encoded(Reply(400, {"detail": f"{path} cannot be asked that: {e!r}"}))
        return encoded(
            Reply(200, {"rates": dict(self._faults.rates), "injected": dict(self._faults.injected)})
        )


def _number(fields: dict[str, object], name: str, most: float) -> float:
    value = fields[name]
    if not isinstance(value, int | float) or not 0.0 <= value <= most:
        raise ValueError(f"{name} {value!r} is not in 0..{most:g}")
    return float(value)


async def _body(receive: Receive) -> bytes:
    parts: list[bytes] = []
    while True:
        message = await receive()
        parts.append(message.get("body", b""))
        if not message.get("more_body", False):
            return b"".join(parts)


async def _deliver(wire: Wire, receive: Receive, send: Send) -> None:
    if wire.delivery is Delivery.HELD:
        try:
            async with asyncio.timeout(_LONGEST_HOLD_S):
                await receive()  # only the end of the connection can be received
        except TimeoutError:
            pass
        else:
            return
    headers = [
        (b"content-type", wire.media_type.encode()),
        (b"content-length", str(len(wire.body)).encode()),
    ]
    if wire.retry_after_s is not None:
        headers.append((b"retry-after", str(wire.retry_after_s).encode()))
    await send({"type": "http.response.start", "status": wire.status, "headers": headers})
    if wire.delivery is not Delivery.DROPPED:  # else uvicorn closes the unfinished connection
        await send({"type": "http.response.body", "body": wire.body})


class _Server(uvicorn.Server):
    """Leaves the signals of the process to the process."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@asynccontextmanager
async def serving(
    config: SimConfig, market: Market, clock: Clock, numbers: ScaledClock
) -> AsyncIterator[str]:
    """Serves `market` within the context, at the URL that it yields.

    Raises ConfigError where the port is taken or a symbol has no known quote currency.
    """
    exchange = SimExchange(
        Tape(market), clock, numbers, Faults(config.fault_seed, config.fault_rate)
    )
    try:
        listener = socket.create_server((_HOST, config.port), backlog=256)
    except OSError as e:
        raise ConfigError(
            f"cannot listen on {_HOST}:{config.port} ({e.strerror}): choose another port, "
            "or 0 for a free one"
        ) from e
    server = _Server(
        uvicorn.Config(
            exchange,
            loop="asyncio",
            http="h11",
            ws="websockets-sansio",
            lifespan="off",
            log_config=None,
            log_level="critical",  # a torn connection is on purpose here, not an error
            access_log=False,
            timeout_keep_alive=_KEEP_ALIVE_S,
            timeout_graceful_shutdown=1,
        )
    )
    with listener:
        # Connections inherit it; asyncio sees to it only where a socket names its protocol. Without
        # it every reply waits 40 ms for an acknowledgement.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        port = listener.getsockname()[1]
        task = asyncio.create_task(server.serve(sockets=[listener]))
        try:
            yield f"http://{_HOST}:{port}"
        finally:
            server.should_exit = True
            await task
