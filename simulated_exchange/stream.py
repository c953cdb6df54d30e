"""Binance's public websocket streams of best prices, on the market that the REST shows.

Source: https://developers.binance.com/docs/binance-spot-api-docs/web-socket-streams.
"""

from __future__ import annotations

import asyncio
import json
from http import HTTPStatus
from typing import Any

from starlette.types import Receive, Scope, Send

from simulated_exchange.clock import Clock
from simulated_exchange.faults import Delivery, Faults
from simulated_exchange.rest import SpotRest

_BOOK_TICKER = "@bookTicker"
_EVERY_MS = 1_000
_LEAST_S = 0.01
"""In a market that runs fast a simulated second is soon over."""
_GOING_AWAY = 1001
_KEYS = {"symbol": "s", "bidPrice": "b", "bidQty": "B", "askPrice": "a", "askQty": "A"}


class BookTickers:
    """Sends the best prices of the coins that a client has subscribed to, once a second.

    Binance sends each change; here prices move all the time. Faults apply to
    each message as to a reply: it may be held back or spoilt, and a refusal ends the connection.
    """

    def __init__(self, spot: SpotRest, clock: Clock, faults: Faults) -> None:
        self._spot = spot
        self._clock = clock
        self._faults = faults

    async def serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One connection, until either side ends it; none during an outage."""
        await receive()
        if self._faults.outage(self._clock.now_ms()) is not None:
            await send({"type": "websocket.close", "code": _GOING_AWAY})
            return
        await send({"type": "websocket.accept"})
        wanted: set[str] = set()
        sending = asyncio.create_task(
            self._send(wanted, send, is_spot="/public" not in scope["path"])
        )
        try:
            while (message := await receive())["type"] == "websocket.receive":
                await _subscribe(message.get("text") or "", wanted, send)
        finally:
            sending.cancel()

    async def _send(self, wanted: set[str], send: Send, *, is_spot: bool) -> None:
        while True:
            await asyncio.sleep(max(_LEAST_S, self._clock.real_seconds(_EVERY_MS)))
            now_ms = self._clock.now_ms()
            if self._faults.outage(now_ms) is not None:
                break
            if not wanted:
                continue
            reply = self._spot.reply(
                "/api/v3/ticker/bookTicker", {"symbols": json.dumps(sorted(wanted))}, now_ms
            )
            assert reply is not None
            wire = self._faults.spoil(reply, now_ms)
            if wire.status != HTTPStatus.OK:
                break
            if wire.delivery is Delivery.WHOLE:
                for text in _events(wire.body, now_ms, is_spot=is_spot):
                    await send({"type": "websocket.send", "text": text})
        await send({"type": "websocket.close", "code": _GOING_AWAY})


async def _subscribe(text: str, wanted: set[str], send: Send) -> None:
    asked = json.loads(text)
    names = {
        name.removesuffix(_BOOK_TICKER).upper()
        for name in asked["params"]
        if name.endswith(_BOOK_TICKER)
    }
    wanted |= names
    answer = json.dumps({"result": None, "id": asked["id"]})
    await send({"type": "websocket.send", "text": answer})


def _events(body: bytes, now_ms: int, *, is_spot: bool) -> list[str]:
    """The rows of `body` as events; what is no JSON any more goes out as it is."""
    try:
        rows: list[dict[str, Any]] = json.loads(body)
    except ValueError:
        return [body.decode()]
    more = {"u": now_ms} if is_spot else {"e": "bookTicker", "u": now_ms, "E": now_ms, "T": now_ms}
    return [json.dumps(more | {_KEYS[name]: row[name] for name in _KEYS}) for row in rows]
