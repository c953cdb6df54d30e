"""The connection to an exchange, shared by candles and prices."""

from __future__ import annotations

import asyncio
from collections.abc import Container, Sequence
from importlib import import_module
from typing import TYPE_CHECKING

import structlog

from crypto_bot.adapters.exchange.address import Host
from crypto_bot.adapters.exchange.bad_rows import BadRows
from crypto_bot.adapters.exchange.directory import MARKET_TYPES, Directory, directory
from crypto_bot.adapters.exchange.dispatch import Breaker, Dispatcher
from crypto_bot.domain.errors import ConfigError, ExchangeUnavailable, MarketDataError
from crypto_bot.ports import Clock

if TYPE_CHECKING:
    from crypto_bot.adapters.exchange.client import ExchangeClient


_log = structlog.get_logger(__name__)


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
        """The exchange's own symbol for each coin that it lists; none before `open`."""
        self.doubt_ms = 0
        """How far `clock` may be ahead of the exchange."""
        self.bad_rows = BadRows()
        self._symbols: tuple[str, ...] = ()
        self._halted: frozenset[str] = frozenset()
        self._absent: frozenset[str] = frozenset()
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

    async def open(self, symbols: Sequence[str], known: Container[str] = ()) -> None:
        """Loads the market metadata; may be called again after a failure.

        `known` have been traded here. Raises ConfigError for other symbols that are not listed;
        ExchangeUnavailable, also while no coin trades, or RateLimited.
        """
        await self.reach()
        found = await self._look_up(symbols)
        never = [symbol for symbol in symbols if symbol in found.absent and symbol not in known]
        if never:
            raise ConfigError(
                f"{self.exchange_id} has no {self.market_type} market for {', '.join(never)} "
                "(symbols are written as base and quote, e.g. BTCUSDT)"
            )
        self._take(symbols, found)
        self.breaker.quorum = min(3, len(symbols))

    async def refresh(self) -> None:
        """Loads the market metadata anew. Raises ExchangeUnavailable, also while no coin trades."""
        self._take(self._symbols, await self._look_up(self._symbols))

    def halted(self, symbol: str) -> str | None:
        """Why the exchange makes no new candles of `symbol`; None while it trades."""
        if symbol in self._absent:
            return f"{self.exchange_id} does not list {symbol} any more"
        return (
            f"{symbol} does not trade at {self.exchange_id} now" if symbol in self._halted else None
        )

    def listing(self, symbol: str) -> str:
        """The exchange's own symbol. Raises MarketDataError where it has none any more."""
        if symbol not in self.listings:
            raise MarketDataError(self.halted(symbol) or f"{symbol} is not open")
        return self.listings[symbol]

    async def _look_up(self, symbols: Sequence[str]) -> Directory:
        markets = await self.dispatcher.ask(None, self.client.markets)
        found = directory(markets, symbols, self.market_type)
        if symbols and len(found.halted) + len(found.absent) == len(symbols) and found.halted:
            raise ExchangeUnavailable(f"{self.exchange_id} trades none of the coins now")
        return found

    def _take(self, symbols: Sequence[str], found: Directory) -> None:
        before = self._halted | self._absent
        self._symbols, self.listings = tuple(symbols), found.listings
        self._halted, self._absent = found.halted, found.absent
        now = self._halted | self._absent
        for symbol in sorted(now - before):
            _log.warning("coin.halted", symbol=symbol, reason=self.halted(symbol))
        for symbol in sorted(before - now):
            _log.info("coin.resumed", symbol=symbol)

    async def close(self) -> None:
        """Closes the connections; harmless if there are none."""
        if self._client is not None:
            await self._client.close()
