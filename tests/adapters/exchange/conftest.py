"""A clock and a loopback exchange of which a test decides every move and reply."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from aiohttp import web

from crypto_bot.adapters.exchange.feed import CcxtFeed
from crypto_bot.adapters.exchange.line import Line
from crypto_bot.domain.timeframe import Timeframe

_BASES = ("BTC", "ETH", "SOL")
TF = Timeframe.parse("15m")
NOW_MS = 1_764_547_200_000 + 10 * 900_000
"""2025-12-01T02:30Z, when a 15-minute candle closes."""


class HandClock:
    """A clock that only waits and tests move; its rate limits are those of a fast market."""

    def __init__(self, at_ms: int, speed: float = 1800) -> None:
        self.at_ms = at_ms
        self._speed = speed

    def now_ms(self) -> int:
        return self.at_ms

    def real_seconds(self, duration_ms: int) -> float:
        return duration_ms / 1000 / self._speed

    async def sleep(self, duration_ms: int) -> None:
        self.at_ms += duration_ms
        await asyncio.sleep(0)


@pytest.fixture
def clock() -> HandClock:
    return HandClock(NOW_MS)


@dataclass
class ScriptedExchange:
    """Speaks as much of Binance as a feed asks for; what `script` returns is sent instead.

    `rows` are the candles of every coin, twelve columns or fewer, oldest first.
    """

    rows: list[list[Any]] = field(default_factory=list)
    most_rows: int = 1000
    server_ms: Callable[[], int] = lambda: 0
    script: Callable[[web.Request], web.Response | None] = lambda _request: None
    market: dict[str, Any] = field(default_factory=dict)
    """Changes to the entry of ETHUSDT in the list of markets."""
    seen: list[web.Request] = field(default_factory=list)
    url: str = ""

    @asynccontextmanager
    async def opened(
        self,
        clock: Any,
        coins: Sequence[str] = ("BTCUSDT", "ETHUSDT", "SOLUSDT"),
        **options: Any,
    ) -> AsyncIterator[CcxtFeed]:
        """A feed that is open on it; `options` are those of the line."""
        feed = CcxtFeed(Line("binance", clock, url=self.url, **options), TF)
        try:
            await feed.open(coins)
            yield feed
        finally:
            await feed.close()

    async def answer(self, request: web.Request) -> web.Response:
        self.seen.append(request)
        return self.script(request) or web.json_response(self._answer(request))

    def _answer(self, request: web.Request) -> Any:
        match request.path.removeprefix("/api/v3/"):
            case "exchangeInfo":
                return {"symbols": [self._market(base) for base in _BASES]}
            case "time":
                return {"serverTime": self.server_ms()}
            case _:
                since_ms = int(request.query.get("startTime", 0))
                limit = int(request.query["limit"])
                rows = [row for row in self.rows if row[0] >= since_ms]
                return rows[: min(limit, self.most_rows)]

    def _market(self, base: str) -> dict[str, Any]:
        entry: dict[str, Any] = {"symbol": f"{base}USDT", "baseAsset": base, "quoteAsset": "USDT"}
        entry |= {"status": "TRADING", "permissionSets": [["SPOT"]], "filters": []}
        return entry | (self.market if base == "ETH" else {})

    def asked(self, call: str) -> list[web.Request]:
        """The requests for `call`, e.g. `klines`."""
        return [request for request in self.seen if request.path == f"/api/v3/{call}"]


@pytest.fixture
async def exchange() -> AsyncIterator[ScriptedExchange]:
    scripted = ScriptedExchange()
    app = web.Application()
    app.router.add_get("/{path:.*}", scripted.answer)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    scripted.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield scripted
    await runner.cleanup()
