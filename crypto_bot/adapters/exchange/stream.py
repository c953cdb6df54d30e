"""Live prices from the exchange's stream, polled wherever it is silent."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import structlog

from crypto_bot.adapters.exchange.line import Line
from crypto_bot.adapters.exchange.prices import CcxtPrices
from crypto_bot.adapters.exchange.replies import Request, sound_quote
from crypto_bot.domain.errors import BadPrices, MarketDataError
from crypto_bot.domain.quote import Quote

SILENT_MS = 5_000
"""An older price is polled."""
_LEAST_SILENCE_S = 1.0
"""By the machine's clock: sockets have no other."""
_REDIAL_MS = 2_000

_log = structlog.get_logger(__name__)


class StreamedPrices(CcxtPrices):
    """Quotes over ccxt's websocket, on the client of the line; everything else is polled.

    While every coin's newest quote is fresh, nothing is polled. If a coin's quote is missing, old
    or invalid, all coins are polled. A quote without a timestamp has that of its arrival.
    """

    def __init__(self, line: Line) -> None:
        super().__init__(line)
        self._streamed: dict[str, Quote] = {}
        self._seen: dict[str, Mapping[str, Any]] = {}
        self._up: bool | None = None
        self._listening: asyncio.Task[None] | None = None

    async def quotes(self) -> dict[str, Quote]:
        """See the port; the first call opens the stream."""
        if self._listening is None:
            self._listening = asyncio.create_task(self._listen(), name="price stream")
        elif self._listening.done():
            self._listening.result()  # raises what ended it: a bug
        fresh = self._fresh()
        if len(fresh) == len(self._line.listings):
            return fresh
        polled = await super().quotes()
        newer = {
            symbol: quote
            for symbol, quote in self._fresh().items()
            if symbol not in polled or quote.at_ms > polled[symbol].at_ms
        }
        return polled | newer

    async def close(self) -> None:
        """Ends the stream; to be called before the line is closed."""
        if self._listening is not None:
            self._listening.cancel()
            with suppress(asyncio.CancelledError):
                await self._listening

    def _fresh(self) -> dict[str, Quote]:
        oldest_ms = self._line.clock.now_ms() - SILENT_MS
        return {
            symbol: self._streamed[symbol]
            for symbol in self._line.listings
            if symbol in self._streamed and self._streamed[symbol].at_ms >= oldest_ms
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
                self._lost(f"nothing was received for {silence_s:g} s")
                await client.end_streams()
            except MarketDataError as e:
                self._lost(str(e))
                await clock.sleep(_REDIAL_MS)
            else:
                self._take(tickers)

    def _take(self, tickers: Mapping[str, Mapping[str, Any]]) -> None:
        """Takes the changed ones among `tickers`: ccxt returns the older ones as well."""
        now_ms = self._line.clock.now_ms()
        request = Request(self._line.exchange_id, now_ms, now_ms)
        for symbol, listing in self._line.listings.items():
            ticker = tickers.get(listing)
            if ticker is None or ticker is self._seen.get(symbol):
                continue
            self._seen[symbol] = ticker
            try:
                self._streamed[symbol] = sound_quote(symbol, ticker, request)
            except BadPrices:
                self._streamed.pop(symbol, None)
        if not self._up:
            self._up = True
            _log.info("stream.up", exchange=self._line.exchange_id)

    def _lost(self, reason: str) -> None:
        if self._up is not False:  # one event for a change of state
            self._up = False
            _log.warning("stream.lost", exchange=self._line.exchange_id, reason=reason)
