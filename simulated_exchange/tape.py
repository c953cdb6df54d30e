"""What is visible of a market at an instant: the open candle, prices, the order book."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple
from zlib import crc32

import numpy as np

from simulated_exchange.intervals import DAY_MS, open_of
from simulated_exchange.market import VOLUME, Array, Bars, Candle, Market

TICKS = 60
"""A candle is made of so many trades, evenly spaced."""
_SPREAD = 1e-4
"""Ask less bid, as a share of the price; one tick at least."""


class Path(NamedTuple):
    """How a candle forms: `prices` and `share` (of its volume, 0..1), each (TICKS + 1,)."""

    prices: Array
    share: Array


def path_of(symbol: str, candle: Candle, decimals: int) -> Path:
    """A path from open over low and high to close that never leaves low..high.

    A function of the candle alone, drawn with its symbol and open time as the seed.
    """
    random = np.random.default_rng([crc32(symbol.encode()), candle.open_ms])
    rises = candle.close >= candle.open
    low_first = (random.random() < 0.75) == rises
    extremes = (candle.low, candle.high) if low_first else (candle.high, candle.low)
    at = [0, *sorted(random.choice(np.arange(1, TICKS), 2, replace=False).tolist()), TICKS]
    through = [candle.open, *extremes, candle.close]
    straight = np.interp(np.arange(TICKS + 1), at, through)
    noise = random.normal(0.0, 0.08 * (candle.high - candle.low), TICKS + 1)
    prices = np.clip(np.round(straight + noise, decimals), candle.low, candle.high)
    prices[at] = through
    traded = np.cumsum(random.exponential(size=TICKS))
    return Path(prices, np.concatenate(([0.0], traded / traded[-1])))


class Day(NamedTuple):
    """The last 24 hours of a symbol: `bars` end with the candle being formed; maybe none."""

    since_ms: int
    bars: Bars


class Book(NamedTuple):
    """Levels (price, amount), the best first."""

    bids: list[tuple[float, float]]
    asks: list[tuple[float, float]]


class Tape:
    """`market` without its future."""

    def __init__(self, market: Market) -> None:
        self.market = market
        self._listings = {symbol: market.listing(symbol) for symbol in market.symbols}
        self._path = lru_cache(maxsize=4 * len(market.symbols))(self._make_path)

    def _make_path(self, symbol: str, candle: Candle) -> Path:
        return path_of(symbol, candle, self._listings[symbol].price_decimals)

    def klines(
        self,
        symbol: str,
        interval_ms: int,
        span_ms: tuple[int, int],
        count: int,
        now_ms: int,
        *,
        newest: bool,
    ) -> Bars:
        """At most `count` candles with open in `span_ms`, from the newest or the oldest end.

        The last is the open one as it stands at `now_ms`, where the span reaches that far.
        `interval_ms` is a multiple of the market's own step.
        """
        step_ms = self.market.step_ms
        since_ms = -(-span_ms[0] // interval_ms) * interval_ms
        until_ms = min(now_ms, open_of(span_ms[1], interval_ms) + interval_ms - step_ms)
        ask = self.market.last if newest else self.market.first
        bars = ask(symbol, since_ms, until_ms, count * (interval_ms // step_ms))
        bars = self._at(symbol, bars, now_ms)
        if interval_ms != step_ms:
            bars = bars.resampled(interval_ms)
        return bars.part(max(0, len(bars) - count), len(bars)) if newest else bars.part(0, count)

    def day(self, symbol: str, now_ms: int) -> Day:
        """The 24 hours before `now_ms`, in whole base candles but for the open one."""
        step_ms = self.market.step_ms
        since_ms = open_of(now_ms - DAY_MS, step_ms) + step_ms
        bars = self.market.last(symbol, since_ms, now_ms, DAY_MS // step_ms)
        return Day(since_ms, self._at(symbol, bars, now_ms))

    def price(self, symbol: str, now_ms: int) -> float | None:
        """Of the last trade; None before the first."""
        bars = self._at(symbol, self.market.last(symbol, 0, now_ms, 1), now_ms)
        return bars.candles()[-1].close if len(bars) else None

    def book(self, symbol: str, now_ms: int, depth: int) -> Book:
        """`depth` levels on each side of the last price, which is one of the best two."""
        price = self.price(symbol, now_ms)
        if price is None:
            return Book([], [])
        decimals, lot_decimals = self._listings[symbol]
        tick = 10.0**-decimals
        spread = max(1, round(price * _SPREAD / tick))
        trade = now_ms * TICKS // self.market.step_ms
        random = np.random.default_rng([crc32(symbol.encode()), trade])
        bought = int(random.integers(2))
        at = round(price / tick)
        usual = float(self.market.last(symbol, 0, now_ms, 1).values[-1, VOLUME]) / TICKS
        lots = np.maximum(random.lognormal(0.0, 1.0, (2, depth)) * usual, 10.0**-lot_decimals)
        best = at - spread * bought, at + spread * (1 - bought)
        sides = []
        for side, step in enumerate((-spread, spread)):
            ticks = best[side] + step * np.arange(depth)
            some = ticks > 0
            prices = np.round(ticks[some] * tick, decimals).tolist()
            amounts = np.round(lots[side][some], lot_decimals).tolist()
            sides.append(list(zip(prices, amounts, strict=True)))
        return Book(*sides)

    def _at(self, symbol: str, bars: Bars, now_ms: int) -> Bars:
        """`bars` with the open one, if any, as formed so far."""
        step_ms = self.market.step_ms
        if not len(bars) or int(bars.open_ms[-1]) != open_of(now_ms, step_ms):
            return bars
        whole = bars.part(len(bars) - 1, len(bars)).candles()[0]
        trade = (now_ms - whole.open_ms) * TICKS // step_ms
        values = bars.values.copy()
        values[-1] = formed(whole, self._path(symbol, whole), trade)[1:]
        return Bars(bars.open_ms, values)


def formed(whole: Candle, path: Path, trade: int) -> Candle:
    """`whole` as it stands after so many of its TICKS trades."""
    seen: Sequence[float] = path.prices[: trade + 1].tolist()
    volume = whole.volume if trade == TICKS else round(whole.volume * float(path.share[trade]), 8)
    return Candle(whole.open_ms, whole.open, max(seen), min(seen), seen[-1], volume)
