"""Closed candles from any exchange of ccxt."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Container, Sequence
from itertools import cycle

import structlog

from crypto_bot.adapters.exchange.dispatch import Refused
from crypto_bot.adapters.exchange.line import Line
from crypto_bot.adapters.exchange.replies import last_price
from crypto_bot.domain.candle import Candle
from crypto_bot.domain.clock_trust import Evidence, Reading
from crypto_bot.domain.errors import ConfigError, MarketDataError
from crypto_bot.domain.instant import instant
from crypto_bot.domain.timeframe import Timeframe

_TIME_SAMPLES = 3
_RECOVERY_POLL_MS = 1_000

_log = structlog.get_logger(__name__)


class CcxtFeed:
    """Candles of all coins over one `Line`."""

    def __init__(self, line: Line, timeframe: Timeframe) -> None:
        self.line = line
        self._timeframe = timeframe
        self._clock = line.clock

    @property
    def down_since_ms(self) -> int | None:
        """The first failure of the current outage; None while the exchange is up."""
        return self.line.breaker.down_since_ms

    async def open(self, symbols: Sequence[str], known: Container[str] = ()) -> None:
        """Loads the market metadata; may be called again after a failure.

        `known` have been traded here, and may be gone. Raises ConfigError for an unknown exchange,
        a timeframe that it lacks, and other symbols that it does not list; ExchangeUnavailable,
        also while no coin trades, or RateLimited. Call `close` in any case.
        """
        client = await self.line.reach()
        if self._timeframe.name not in client.timeframes:
            has = ", ".join(client.timeframes) or "none"
            raise ConfigError(
                f"{self.line.exchange_id} has no candles of {self._timeframe.name}; it has: {has}"
            )
        await self.line.open(symbols, known)

    async def close(self) -> None:
        """Closes the connections; harmless if there are none."""
        await self.line.close()

    def halted(self, symbol: str) -> str | None:
        """See the port."""
        return self.line.halted(symbol)

    async def price(self, symbol: str) -> float:
        """See the port. Raises BadPrices where the ticker has none."""
        listing = self.line.listing(symbol)

        async def request() -> float:
            return last_price(symbol, await self.line.client.ticker(listing))

        return await self.line.dispatcher.ask(symbol, request)

    async def candles(self, symbol: str, since_ms: int, until_ms: int) -> list[Candle]:
        """See the port. Every reply was validated and complete.

        So a candle that is absent is one that the exchange does not have (yet). The newest one is
        taken when a later one is there, or when no clock doubts that it has closed.
        """
        step_ms = self._timeframe.ms
        # The time before the request: candles closed now stay closed, however long it takes.
        sent_ms = self._clock.now_ms()
        last_ms = min(until_ms, self._timeframe.last_closed(sent_ms))
        closed_ms = self._timeframe.last_closed(sent_ms - self.line.doubt_ms)
        limit_ms = self.line.client.page_limit(self.line.listing(symbol)) * step_ms
        found: list[Candle] = []
        at_ms = self._timeframe.open_of(since_ms + step_ms - 1)
        while at_ms <= last_ms:
            # One candle more: exchanges differ in whether the end belongs to a page.
            span_ms = min(limit_ms, last_ms - at_ms + 2 * step_ms)
            request = self._page_request(symbol, at_ms, span_ms // step_ms)
            try:
                page = await self.line.dispatcher.ask(symbol, request)
            except Refused:
                at_ms = await self._served_from(symbol, at_ms, limit_ms)
                continue
            # A page may end early (a lower limit than known) or lie beyond a gap it skipped.
            reached_ms = page[-1].open_ms if page else 0
            final_ms = min(last_ms, max(closed_ms, reached_ms - step_ms))
            found.extend(candle for candle in page if at_ms <= candle.open_ms <= final_ms)
            at_ms = reached_ms + step_ms if reached_ms >= at_ms else at_ms + span_ms
        return found

    async def _served_from(self, symbol: str, refused_ms: int, limit_ms: int) -> int:
        """About the oldest time since which an exchange gives candles that refuses `refused_ms`.

        Raises Refused where the time is not the reason.
        """
        ask = self.line.dispatcher.ask
        page = await ask(symbol, self._page_request(symbol, None, limit_ms // self._timeframe.ms))
        served_ms = page[0].open_ms if page else refused_ms
        if served_ms <= refused_ms:
            raise Refused(f"{symbol}: no candles since {instant(refused_ms)}")
        while served_ms - refused_ms > limit_ms:
            middle_ms = self._timeframe.open_of((served_ms + refused_ms) // 2)
            try:
                await ask(symbol, self._page_request(symbol, middle_ms, 1))
                served_ms = middle_ms
            except Refused:
                refused_ms = middle_ms
        since = instant(served_ms)
        _log.warning(
            "candles.since_moved", symbol=symbol, since=since, exchange=self.line.exchange_id
        )
        return served_ms

    async def time_evidence(self) -> Evidence:
        """Three readings of the exchange's time, and the newest candle of some coins.

        An offset is the exchange's time minus the clock's, less half of the round trip; the one
        with the shortest counts (the clock filter of RFC 5905, section 10).
        """
        taken = [await self.line.dispatcher.ask(None, self._reading) for _ in range(_TIME_SAMPLES)]
        coins = list(self.line.listings)[:_TIME_SAMPLES]
        opens = await asyncio.gather(*map(self._newest_open, coins))
        newest_ms = max((each for each in opens if each is not None), default=None)
        readings = [reading for reading in taken if reading is not None]
        return Evidence(self._clock.now_ms(), readings, newest_ms)

    async def wait_until_up(self) -> None:
        """Returns when the exchange is up; sends the probes while it is down."""
        coins = cycle(self.line.listings)
        while self.down_since_ms is not None:
            newest_ms = self._timeframe.last_closed(self._clock.now_ms())
            request: Callable[[], Awaitable[object]] = self.line.client.markets
            if self.line.listings:  # a candle page of another coin each time
                request = self._page_request(next(coins), newest_ms, 1)
            try:
                await self.line.dispatcher.once(None, request)
            except MarketDataError:
                await self._clock.sleep(_RECOVERY_POLL_MS)

    def _page_request(
        self, symbol: str, since_ms: int | None, limit: int
    ) -> Callable[[], Awaitable[list[Candle]]]:
        """The request for one page of validated candles, with the open one.

        From `since_ms` on, or the newest.
        """
        client = self.line.client
        listing = self.line.listing(symbol)

        async def request() -> list[Candle]:
            rows = await client.rows(listing, self._timeframe.name, since_ms, limit)
            origin = f"{symbol} from {self.line.exchange_id}"
            now_ms = self._clock.now_ms()
            return self.line.bad_rows.candles(symbol, rows, self._timeframe, origin, now_ms)

        return request

    async def _reading(self) -> Reading | None:
        sent_ms = self._clock.now_ms()
        server_ms = await self.line.client.server_ms()
        trip_ms = self._clock.now_ms() - sent_ms
        return None if server_ms is None else Reading(trip_ms, server_ms - (sent_ms + trip_ms // 2))

    async def _newest_open(self, symbol: str) -> int | None:
        """As the exchange has it: by a wrong clock its candles would be refused."""
        client, name = self.line.client, self._timeframe.name
        try:
            rows = await client.rows(self.line.listings[symbol], name, None, 2)
            return max(int(row[0]) for row in rows)
        except (MarketDataError, LookupError, TypeError, ValueError):
            return None
