"""Live prices, books, funding and steps of any exchange of ccxt."""

from __future__ import annotations

import structlog

from crypto_bot.adapters.exchange.line import Line
from crypto_bot.adapters.exchange.replies import (
    Request,
    coins_in_lot,
    instrument,
    sound_book,
    sound_funding,
    sound_quote,
)
from crypto_bot.domain.errors import BadPrices
from crypto_bot.domain.quote import Funding, Instrument, OrderBook, Quote

_LEVELS = 100
"""Of each side of a book; almost every exchange accepts this number."""

_log = structlog.get_logger(__name__)


class CcxtPrices:
    """A `PriceFeed` over the line of a `CcxtFeed`; it must be open.

    Invalid data is never passed on: a coin without a valid quote is left out; an invalid book or
    funding reply is requested again and finally refused with BadPrices.
    """

    def __init__(self, line: Line) -> None:
        self._line = line
        self._doubted: set[str] = set()

    async def quotes(self) -> dict[str, Quote]:
        """See the port. Raises BadPrices where no quote is valid."""
        return await self._line.dispatcher.ask(None, self._quotes)

    async def book(self, symbol: str) -> OrderBook:
        """See the port. Raises BadPrices, also where a side is empty."""
        line = self._line
        listing = line.listing(symbol)
        coins = coins_in_lot(line.client.market(listing))

        async def request() -> OrderBook:
            sent_ms = line.clock.now_ms()
            raw = await line.client.book(listing, _LEVELS)
            return sound_book(symbol, raw, coins, self._request(sent_ms))

        return await line.dispatcher.ask(symbol, request)

    async def funding(self, symbol: str, since_ms: int, until_ms: int) -> list[Funding]:
        """See the port; sends as many requests as needed."""
        if self._line.market_type == "spot":
            return []
        found: dict[int, Funding] = {}
        at_ms = since_ms
        while at_ms <= until_ms:
            page = await self._funding_page(symbol, at_ms)
            found |= {each.due_ms: each for each in page if at_ms <= each.due_ms <= until_ms}
            reached_ms = max((each.due_ms for each in page), default=0)
            if reached_ms < at_ms:
                break
            at_ms = reached_ms + 1
        return [found[due_ms] for due_ms in sorted(found)]

    def instruments(self) -> dict[str, Instrument]:
        """See the port."""
        client = self._line.client
        return {
            symbol: instrument(symbol, client.market(listing), in_steps=client.counts_in_steps)
            for symbol, listing in self._line.listings.items()
        }

    async def _quotes(self) -> dict[str, Quote]:
        line = self._line
        sent_ms = line.clock.now_ms()
        tickers = await line.client.tickers(list(line.listings.values()))
        request = self._request(sent_ms)
        sound: dict[str, Quote] = {}
        reason = "the reply has none"
        for symbol, listing in line.listings.items():
            if listing not in tickers:
                continue
            try:
                sound[symbol] = sound_quote(symbol, tickers[listing], request)
                self._doubted.discard(symbol)
            except BadPrices as e:
                reason = str(e)
                self._doubt(symbol, reason)
        if not sound:
            raise BadPrices(f"no quotes from {line.exchange_id}: {reason}")
        return sound

    def _request(self, sent_ms: int) -> Request:
        return Request(self._line.exchange_id, sent_ms, self._line.clock.now_ms())

    def _doubt(self, symbol: str, reason: str) -> None:
        if symbol not in self._doubted:  # one event for a change of state, not for each poll
            self._doubted.add(symbol)
            _log.warning("quote.refused", symbol=symbol, reason=reason)

    async def _funding_page(self, symbol: str, since_ms: int) -> list[Funding]:
        line = self._line
        listing = line.listing(symbol)

        async def request() -> list[Funding]:
            rows = await line.client.funding(listing, since_ms)
            return [sound_funding(symbol, row, line.exchange_id) for row in rows]

        return await line.dispatcher.ask(symbol, request)
