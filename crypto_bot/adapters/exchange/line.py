"""The connection to an exchange, shared by candles and prices."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from importlib import import_module
from typing import TYPE_CHECKING

from crypto_bot.adapters.exchange.address import Host
from crypto_bot.adapters.exchange.directory import MARKET_TYPES, listings
from crypto_bot.adapters.exchange.dispatch import Breaker, Dispatcher
from crypto_bot.domain.errors import ConfigError
from crypto_bot.ports import Clock

if TYPE_CHECKING:
    from crypto_bot.adapters.exchange.client import ExchangeClient


class Line:
    """One connection pool, one rate limit, one pause, one breaker, for candles and for prices.

    `url` replaces scheme and host of every REST address of the exchange. `timeout_s` is the limit
    for one request in real seconds; every other wait goes by `clock`. A request is made up to
    `max_attempts` times. `streams` enables price streams. Raises ConfigError for an
    unusable `url` or `market_type`.
    """

    def __init__(
        self,
        exchange_id: str,
        clock: Clock,
        *,
        url: str | None = None,
        timeout_s: float = 10.0,
        market_type: str = "spot",
        max_attempts: int = 5,
        streams: bool = False,
    ) -> None:
        if market_type not in MARKET_TYPES:
            known = ", ".join(MARKET_TYPES)
            raise ConfigError(f"unknown market type '{market_type}': use one of {known}")
        self.exchange_id = exchange_id
        self.clock = clock
        self.market_type = market_type
        self.breaker = Breaker()
        self.dispatcher = Dispatcher(exchange_id, clock, max_attempts, self.breaker)
        self.listings: dict[str, str] = {}
        """The exchange's own symbol for each coin; none before `open`."""
        self._host = None if url is None else Host(url)
        self._timeout_s = timeout_s
        self._streams = streams
        self._client: ExchangeClient | None = None

    @property
    def client(self) -> ExchangeClient:
        """The client; to be used after `reach` or `open`."""
        assert self._client is not None, "call open() first"
        return self._client

    async def reach(self) -> ExchangeClient:
        """Makes the client if there is none. Raises ConfigError for an unknown exchange."""
        if self._client is None:
            # ccxt and aiohttp take a second and 97 MB to import. In a thread and only when
            # needed: commands without an exchange start at once, and the daemon's /healthz answers
            # meanwhile.
            module = await asyncio.to_thread(import_module, "crypto_bot.adapters.exchange.client")
            self._client = module.ExchangeClient(
                self.exchange_id,
                self.clock,
                self._host,
                self._timeout_s,
                self.market_type,
                streams=self._streams,
            )
        return self.client

    async def open(self, symbols: Sequence[str]) -> None:
        """Loads the market metadata; may be called again after a failure.

        Raises ConfigError for symbols that are not traded; ExchangeUnavailable or RateLimited.
        """
        client = await self.reach()
        markets = await self.dispatcher.ask(None, client.markets)
        self.listings = listings(markets, symbols, self.market_type, self.exchange_id)
        self.breaker.quorum = min(3, len(symbols))

    async def close(self) -> None:
        """Closes the connections; harmless if there are none."""
        if self._client is not None:
            await self._client.close()
