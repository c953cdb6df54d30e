"""The exchange and its candles, and the clock."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple, Protocol

from crypto_bot.domain.candle import Candle
from crypto_bot.domain.market import Bar, MarketView
from crypto_bot.domain.quote import Funding, Instrument, OrderBook, Quote
from crypto_bot.ports.market_data import Series


class Clock(Protocol):
    """The only source of time. The clock of a simulated market runs faster."""

    def now_ms(self) -> int:
        """UTC milliseconds of the exchange's clock."""

    def real_seconds(self, duration_ms: int) -> float:
        """Real seconds that `duration_ms` of this clock take."""

    async def sleep(self, duration_ms: int) -> None:
        """Waits `duration_ms` of this clock."""


class CandleFeed(Protocol):
    """Closed candles from an exchange."""

    async def candles(self, symbol: str, since_ms: int, until_ms: int) -> list[Candle]:
        """Candles of `symbol` that opened in `[since_ms, until_ms]`, ascending and valid.

        One or more requests; the open candle is never included; missing ones are left out.
        Raises ExchangeUnavailable, RateLimited or BadCandles after the feed's own retries, and
        another MarketDataError where the exchange refuses, e.g. a coin that is no longer traded.
        """

    async def price(self, symbol: str) -> float:
        """The last price of `symbol` by the exchange's ticker, which is not made of candles.

        Raises MarketDataError like `candles`.
        """

    def halted(self, symbol: str) -> str | None:
        """Why the exchange makes no new candles of `symbol`; None while it trades."""


class PriceFeed(Protocol):
    """Current prices of an exchange. Raises MarketDataError like a `CandleFeed`."""

    async def quotes(self) -> dict[str, Quote]:
        """The best prices of all the coins, in one request; a coin without a price is absent."""

    async def book(self, symbol: str) -> OrderBook:
        """The best levels of each side, a hundred at most."""

    async def funding(self, symbol: str, since_ms: int, until_ms: int) -> list[Funding]:
        """Funding due in `[since_ms, until_ms]`, by time; none in a spot market."""

    def instruments(self) -> dict[str, Instrument]:
        """Tick and lot sizes of each coin, read from the exchange when the feed was opened."""


class Gap(NamedTuple):
    """A candle that the exchange does not have, as confirmed by its replies."""

    symbol: str
    open_ms: int


class CandleArchive(Protocol):
    """Stored closed candles and confirmed gaps of one timeframe."""

    @property
    def series(self) -> Mapping[str, Series]:
        """By name: what is stored of how the candles were traded, known at their closes."""

    def add(self, candles: Mapping[str, Sequence[Candle]], gaps: Iterable[Gap] = ()) -> None:
        """Stores everything in one transaction; adding twice is harmless. Raises StoreError."""

    def read(
        self, symbol: str, since_ms: int, until_ms: int, *, revised: bool = False
    ) -> list[Candle]:
        """Stored candles with open in `[since_ms, until_ms]`, ascending.

        As they were first stored, which is what signals are made of; or as `revised` since.
        """

    def revise(self, symbol: str, candles: Sequence[Candle], seen_ms: int) -> int:
        """Stores those of `candles` that are stored with other values; how many.

        What they replace is kept as a revision, seen at `seen_ms`. Raises StoreError.
        """

    def remove(self, symbol: str, opens: Iterable[int]) -> None:
        """Deletes candles and gaps of `symbol` with these open times. Raises StoreError."""

    def newest_opens(self, until_ms: int = ...) -> dict[str, int]:
        """Open time of the newest candle or confirmed gap until `until_ms`, by symbol."""

    def gaps(self, since_ms: int) -> list[Gap]:
        """Confirmed gaps with open at or after `since_ms`."""


class CandleHistory(Protocol):
    """The recent candles of each coin."""

    @property
    def history_bars(self) -> int:
        """Number of stored candles before a bar on which its results can depend."""

    def preload(self, symbol: str, candles: Sequence[Candle]) -> None:
        """Replaces the history of `symbol` by `candles`, ascending."""


class MarketViews(CandleHistory, Protocol):
    """Measures coins, from as many recent candles as the rules need."""

    def update(self, bar: Bar) -> dict[str, MarketView]:
        """Adds the candles of `bar` and measures its coins. Opens must ascend for each coin."""


class CandleListener(CandleHistory, Protocol):
    """Observes every candle of the views, before the sources are called."""

    def observe(self, bar: Bar) -> None:
        """Adds the candles of `bar`, which are stored already."""
