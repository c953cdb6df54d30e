"""Live prices as the exchange sends them, and asked for wherever it does not."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import structlog

from crypto_bot.adapters.exchange.line import Line
from crypto_bot.adapters.exchange.prices import CcxtPrices
from crypto_bot.adapters.exchange.tickers import Asking, sound_quote
from crypto_bot.domain.errors import BadPrices, MarketDataError
from crypto_bot.domain.quote import Funding, Instrument, OrderBook, Quote

SILENT_MS = 5_000
"""A price that was told longer ago is asked for."""
_LEAST_SILENCE_S = 1.0
"""By the machine's clock: a socket knows no other."""
_REDIAL_MS = 2_000

_log = structlog.get_logger(__name__)


class StreamedPrices:
    """A `PriceFeed` whose quotes come over ccxt's websocket, on the client that the line has.

    As long as a coin's newest quote is fresh, nothing is asked. A coin that the stream is silent
    about, or told something of that cannot be true, is polled with all the others. Where the
    exchange does not say of when a quote is, it is of its arrival.
    """

    def __init__(self, line: Line) -> None:
        self._line = line
        self._polled = CcxtPrices(line)
        self._told: dict[str, Quote] = {}
        self._seen: dict[str, Mapping[str, Any]] = {}
        self._up: bool | None = None
        self._listening: asyncio.Task[None] | None = None

    async def quotes(self) -> dict[str, Quote]:
        """As the port says; the first call begins to listen."""
        if self._listening is None:
            self._listening = asyncio.create_task(self._listen(), name="price stream")
        elif self._listening.done():
            self._listening.result()  # raises what ended it: a bug
        fresh = self._fresh()
        if len(fresh) == len(self._line.listings):
            return fresh
        polled = await self._polled.quotes()
        newer = {
            symbol: quote
            for symbol, quote in self._fresh().items()
            if symbol not in polled or quote.at_ms > polled[symbol].at_ms
        }
        return polled | newer

    async def book(self, symbol: str) -> OrderBook:
        """As the port says; asked for."""
        return await self._polled.book(symbol)

    async def funding(self, symbol: str, since_ms: int, until_ms: int) -> list[Funding]:
        """As the port says; asked for."""
        return await self._polled.funding(symbol, since_ms, until_ms)

    def instruments(self) -> dict[str, Instrument]:
        """As the port says."""
        return self._polled.instruments()

    async def close(self) -> None:
        """Listens no more; to be called before the line is closed."""
        if self._listening is not None:
            self._listening.cancel()
            with suppress(asyncio.CancelledError):
                await self._listening

    def _fresh(self) -> dict[str, Quote]:
        oldest_ms = self._line.clock.now_ms() - SILENT_MS
        return {
            symbol: self._told[symbol]
            for symbol in self._line.listings
            if symbol in self._told and self._told[symbol].at_ms >= oldest_ms
        }

    async def _listen(self) -> None:
        client, clock = self._line.client, self._line.clock
        listings = list(self._line.listings.values())
        silence_s = max(_LEAST_SILENCE_S, clock.real_seconds(SILENT_MS))
        while True:
            try:
                async with asyncio.timeout(silence_s):
                    tickers = await client.streamed(listings)
            except TimeoutError:
                self._lost(f"nothing came for {silence_s:g} s")
                await client.hang_up()
            except MarketDataError as e:
                self._lost(str(e))
                await clock.sleep(_REDIAL_MS)
            else:
                self._take(tickers)

    def _take(self, tickers: Mapping[str, Mapping[str, Any]]) -> None:
        """What has changed of `tickers`: they are kept by ccxt, those of before among them."""
        now_ms = self._line.clock.now_ms()
        asking = Asking(self._line.exchange_id, now_ms, now_ms)
        for symbol, listing in self._line.listings.items():
            ticker = tickers.get(listing)
            if ticker is None or ticker is self._seen.get(symbol):
                continue
            self._seen[symbol] = ticker
            try:
                self._told[symbol] = sound_quote(symbol, ticker, asking)
            except BadPrices:
                self._told.pop(symbol, None)
        if not self._up:
            self._up = True
            _log.info("stream.up", exchange=self._line.exchange_id)

    def _lost(self, reason: str) -> None:
        if self._up is not False:  # one event for a change of state
            self._up = False
            _log.warning("stream.lost", exchange=self._line.exchange_id, reason=reason)
