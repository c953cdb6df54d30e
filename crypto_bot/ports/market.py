"""The exchange and its candles, and the clock."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple, Protocol

from crypto_bot.domain.candle import Candle
from crypto_bot.domain.market import Bar, MarketView
from crypto_bot.domain.quote import Funding, Instrument, OrderBook, Quote


class Clock(Protocol):
    """The only one who knows the time. A simulated market has a clock that runs faster."""

    def now_ms(self) -> int:
        """UTC milliseconds, by the exchange's reckoning."""
        ...

    def real_seconds(self, duration_ms: int) -> float:
        """How long `duration_ms` of this clock lasts for a person."""
        ...

    async def sleep(self, duration_ms: int) -> None:
        """Waits `duration_ms` of this clock."""
        ...


class CandleFeed(Protocol):
    """Closed candles from an exchange."""

    async def candles(self, symbol: str, since_ms: int, until_ms: int) -> list[Candle]:
        """Candles of `symbol` whose open lies in `[since_ms, until_ms]`, ascending and sound.

        One or more requests; the open candle is never among them; missing ones are simply absent.
        Raises ExchangeUnavailable, RateLimited or BadCandles after the feed's own retries, and
        another MarketDataError where the exchange refuses, e.g. a coin that is no longer traded.
        """
        ...


class PriceFeed(Protocol):
    """What an exchange deals at now. Raises MarketDataError as a `CandleFeed` does."""

    async def quotes(self) -> dict[str, Quote]:
        """The best prices of all the coins, in one request; a coin without a price is absent."""
        ...

    async def book(self, symbol: str) -> OrderBook:
        """The best levels of each side, a hundred at most."""
        ...

    async def funding(self, symbol: str, since_ms: int, until_ms: int) -> list[Funding]:
        """What became due in `[since_ms, until_ms]`, by time; none in a spot market."""
        ...

    def instruments(self) -> dict[str, Instrument]:
        """How finely each coin is counted, as the exchange said when it was opened."""
        ...


class Gap(NamedTuple):
    """A candle that the exchange never had, as far as it says itself."""

    symbol: str
    open_ms: int


class CandleArchive(Protocol):
    """Closed candles and confirmed gaps of one timeframe, kept."""

    def add(self, candles: Mapping[str, Sequence[Candle]], gaps: Iterable[Gap] = ()) -> None:
        """Stores all of it in one transaction; adding twice is harmless. Raises StoreError."""
        ...

    def read(self, symbol: str, since_ms: int, until_ms: int) -> list[Candle]:
        """Stored candles with open in `[since_ms, until_ms]`, ascending."""
        ...

    def newest_opens(self) -> dict[str, int]:
        """The newest candle or confirmed gap of each symbol that has one."""
        ...

    def gaps(self, since_ms: int) -> list[Gap]:
        """Confirmed gaps with open at or after `since_ms`."""
        ...


class MarketViews(Protocol):
    """Measures coins: remembers as many candles as the rules need."""

    @property
    def history_bars(self) -> int:
        """How many candles before a bar its views can depend on."""
        ...

    def preload(self, symbol: str, candles: Sequence[Candle]) -> None:
        """Replaces what is remembered of `symbol` by `candles`, ascending."""
        ...

    def update(self, bar: Bar) -> dict[str, MarketView]:
        """Takes the candles of `bar` in and measures its coins. Opens must ascend for each coin."""
        ...


class CandleListener(Protocol):
    """Hears every candle that the views take, before the sources are asked."""

    @property
    def history_bars(self) -> int:
        """How many candles before a bar must be stored for what it makes of them."""
        ...

    def preload(self, symbol: str, candles: Sequence[Candle]) -> None:
        """Forgets what it knew of `symbol`; `candles`, ascending, are those taken so far."""
        ...

    def observe(self, bar: Bar) -> None:
        """Takes the candles of `bar`, which are stored, in."""
        ...
