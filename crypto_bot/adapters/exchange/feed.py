"""Closed candles from any exchange of ccxt."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from itertools import cycle

from crypto_bot.adapters.exchange.line import Line
from crypto_bot.adapters.exchange.replies import sound_candles
from crypto_bot.domain.candle import Candle
from crypto_bot.domain.errors import ConfigError, MarketDataError
from crypto_bot.domain.timeframe import Timeframe

_TIME_SAMPLES = 3
_RECOVERY_POLL_MS = 1_000


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

    async def open(self, symbols: Sequence[str]) -> None:
        """Loads the market metadata; may be called again after a failure.

        Raises ConfigError for an unknown exchange, a timeframe that it lacks, and symbols that it
        does not trade; ExchangeUnavailable or RateLimited. Call `close` in any case.
        """
        client = await self.line.reach()
        if self._timeframe.name not in client.timeframes:
            has = ", ".join(client.timeframes) or "none"
            raise ConfigError(
                f"{self.line.exchange_id} has no candles of {self._timeframe.name}; it has: {has}"
            )
        await self.line.open(symbols)

    async def close(self) -> None:
        """Closes the connections; harmless if there are none."""
        await self.line.close()

    async def candles(self, symbol: str, since_ms: int, until_ms: int) -> list[Candle]:
        """See the port. Every reply was validated and complete.

        So a candle that is absent is one that the exchange does not have (yet).
        """
        step_ms = self._timeframe.ms
        # The time before the request: candles closed now stay closed, however long it takes.
        last_ms = min(until_ms, self._timeframe.last_closed(self._clock.now_ms()))
        limit_ms = self.line.client.page_limit(self.line.listings[symbol]) * step_ms
        found: list[Candle] = []
        at_ms = self._timeframe.open_of(since_ms + step_ms - 1)
        while at_ms <= last_ms:
            # One candle more: exchanges differ in whether the end belongs to a page.
            span_ms = min(limit_ms, last_ms - at_ms + 2 * step_ms)
            request = self._page_request(symbol, at_ms, span_ms // step_ms)
            page = await self.line.dispatcher.ask(symbol, request)
            found.extend(candle for candle in page if at_ms <= candle.open_ms <= last_ms)
            # A page may end early (a lower limit than known) or lie beyond a gap it skipped.
            reached_ms = page[-1].open_ms if page else 0
            at_ms = reached_ms + step_ms if reached_ms >= at_ms else at_ms + span_ms
        return found

    async def measure_offset(self) -> int:
        """The exchange's time minus the clock's, in ms.

        Of three samples the one with the shortest round trip, less half of that (the clock filter
        of RFC 5905, section 10). 0 where an exchange has no such endpoint.
        """
        samples = [
            await self.line.dispatcher.ask(None, self._time_sample) for _ in range(_TIME_SAMPLES)
        ]
        return min(samples)[1]

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
        self, symbol: str, since_ms: int, limit: int
    ) -> Callable[[], Awaitable[list[Candle]]]:
        """The request for one page of validated candles from `since_ms` on, with the open one."""
        client = self.line.client
        listing = self.line.listings[symbol]

        async def request() -> list[Candle]:
            rows = await client.rows(listing, self._timeframe.name, since_ms, limit)
            return sound_candles(rows, self._timeframe, f"{symbol} from {self.line.exchange_id}")

        return request

    async def _time_sample(self) -> tuple[int, int]:
        """(round trip, offset) in ms of one request."""
        sent_ms = self._clock.now_ms()
        server_ms = await self.line.client.server_ms()
        trip_ms = self._clock.now_ms() - sent_ms
        return trip_ms, 0 if server_ms is None else server_ms - (sent_ms + trip_ms // 2)
