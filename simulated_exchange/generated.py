"""A market made of a seed: any stretch of time can be asked for, and is always the same."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from math import log, pi, sqrt
from zlib import crc32

import numpy as np

from simulated_exchange.coins import COINS, Coin, coin_of
from simulated_exchange.config import ConfigError
from simulated_exchange.intervals import DAY_MS
from simulated_exchange.market import Array, Bars, Listing, Market

LISTED_MS = 1_502_928_000_000
"""2017-08-17: nothing was traded before."""
_SEASON_DAYS = 64
_BLOCK_DAYS = 8
_MARKET_SD = 0.020
_REGIMES = ((0.6, 0.0), (0.8, 0.15), (1.0, 0.0), (1.0, -0.1), (1.5, -0.3), (1.7, 0.3))
"""(volatility, drift in daily standard deviations) of eight days: quiet ... violent."""
_KEPT_BARS = 1_000_000


class Walk:
    """One source of log returns whose volatility clusters and changes with regimes.

    Levels are known at the ends of seasons of 64 days (independent, so that prices never drift
    away), daily ones between them are a random walk tied to both ends, those of the bars of a day
    one tied to the ends of the day. So any day can be made without those before it.
    """

    def __init__(self, seed: int, name: str, daily_sd: float, step_ms: int) -> None:
        self._key = (seed, crc32(name.encode()))
        self._daily_sd = daily_sd
        self._bars_a_day = DAY_MS // step_ms
        self._season = lru_cache(maxsize=64)(self._make_season)

    def _random(self, *what: int) -> np.random.Generator:
        return np.random.default_rng([*self._key, *what])

    def _knot(self, season: int) -> float:
        """Two of them lie as far apart as a random walk gets in a season."""
        sd = self._daily_sd * (_SEASON_DAYS / 2) ** 0.5
        return float(self._random(0, season).normal(0.0, sd))

    def _make_season(self, season: int) -> tuple[Array, Array]:
        """Levels at the 65 ends of its days, and the standard deviations of its 64 days."""
        random = self._random(1, season)
        memory = 0.93 ** np.arange(60)
        shocks = np.convolve(random.normal(size=_SEASON_DAYS + 59), memory, "valid")
        drawn = random.integers(len(_REGIMES), size=_SEASON_DAYS // _BLOCK_DAYS)
        volatility, drift = np.repeat(np.array(_REGIMES)[drawn], _BLOCK_DAYS, axis=0).T
        sd = self._daily_sd * volatility * np.exp(0.13 * shocks - 0.06)
        moves = sd * (_fat(random, _SEASON_DAYS) + drift)
        start, end = self._knot(season), self._knot(season + 1)
        moves += (end - start - moves.sum()) * sd**2 / (sd**2).sum()
        return start + np.concatenate(([0.0], np.cumsum(moves))), sd

    def block(self, block: int) -> tuple[float, Array, Array]:
        """Of the eight days `block`, from 1970: first level; return and deviation of each bar."""
        levels, daily_sd = self._season(block * _BLOCK_DAYS // _SEASON_DAYS)
        first = block * _BLOCK_DAYS % _SEASON_DAYS
        levels = levels[first : first + _BLOCK_DAYS + 1]
        random = self._random(2, block)
        shape = (_BLOCK_DAYS, self._bars_a_day)
        hours = (np.arange(shape[0] * shape[1]) + 0.5) * 24.0 / self._bars_a_day
        volatility = np.exp(0.35 * _wave(random, hours, 2.0) + 0.35 * _wave(random, hours, 9.0))
        volatility *= 1.0 + 0.3 * np.cos((hours - 15.0) * pi / 12.0)  # busiest at 15:00 UTC
        share = (volatility**2).reshape(shape)
        share /= share.sum(axis=1, keepdims=True)
        sd = np.sqrt(share) * daily_sd[first : first + _BLOCK_DAYS, None]
        moves = sd * _fat(random, hours.size).reshape(shape)
        moves += (np.diff(levels) - moves.sum(axis=1))[:, None] * share
        return float(levels[0]), moves.ravel(), sd.ravel()


def _fat(random: np.random.Generator, size: int) -> Array:
    """Student's t with 5 degrees of freedom, of variance 1."""
    drawn: Array = random.standard_t(5.0, size=size)
    return drawn * sqrt(3.0 / 5.0)


def _wave(random: np.random.Generator, hours: Array, every: float) -> Array:
    """A standard normal every so many hours, and straight lines between them."""
    knots = np.arange(0.0, 24.0 * _BLOCK_DAYS + every, every)
    wave: Array = np.interp(hours, knots, random.normal(size=knots.size))
    return wave


class GeneratedMarket(Market):
    """Candles of the coins of `COINS`, and of made-up ones, as a function of `seed` and time alone.

    A coin moves by its beta with a common factor and for the rest by itself. Another choice of
    `symbols` changes no candle. Raises ConfigError for a symbol that it does not know.
    """

    def __init__(self, symbols: Iterable[str], step_ms: int, seed: int) -> None:
        self.symbols = tuple(symbols)
        found = {symbol: coin_of(symbol) for symbol in self.symbols}
        unknown = [symbol for symbol, coin in found.items() if coin is None]
        if unknown:
            raise ConfigError(
                f"the generated market does not list {', '.join(unknown)}: it has "
                f"{', '.join(COINS)}, and makes up any with a digit in its name, such as "
                "SIM001USDT; other coins need a folder of candles"
            )
        self._coins = {symbol: coin for symbol, coin in found.items() if coin is not None}
        self.step_ms = step_ms
        self._own = {
            symbol: Walk(seed, symbol, coin.own_sd, step_ms) for symbol, coin in self._coins.items()
        }
        self._seed = seed
        self._bars_a_block = _BLOCK_DAYS * DAY_MS // step_ms
        kept = max(3 * len(self.symbols), _KEPT_BARS // self._bars_a_block)
        self._block = lru_cache(maxsize=kept)(self._make_block)
        common = Walk(seed, "market", _MARKET_SD, step_ms)
        self._common = lru_cache(maxsize=max(_SEASON_DAYS, kept // len(self.symbols)))(common.block)

    def listing(self, symbol: str) -> Listing:
        coin = self._coins[symbol]
        return Listing(coin.price_decimals, coin.lot_decimals)

    def _span(self, symbol: str, since_ms: int, until_ms: int) -> tuple[int, int]:  # noqa: ARG002 - all have the same rows
        """As numbers of bars since 1970, `stop` excluded."""
        step_ms = self.step_ms
        return -(-max(since_ms, LISTED_MS) // step_ms), until_ms // step_ms + 1

    def _rows(self, symbol: str, start: int, stop: int) -> Bars:
        size = self._bars_a_block
        if start >= stop:
            return self._block(symbol, start // size).part(0, 0)
        parts = [
            self._block(symbol, block).part(max(0, start - block * size), stop - block * size)
            for block in range(start // size, (stop - 1) // size + 1)
        ]
        if len(parts) == 1:
            return parts[0]
        return Bars(
            np.concatenate([part.open_ms for part in parts]),
            np.concatenate([part.values for part in parts]),
        )

    def _make_block(self, symbol: str, block: int) -> Bars:
        coin = self._coins[symbol]
        common_level, common_moves, common_sd = self._common(block)
        own_level, own_moves, own_sd = self._own[symbol].block(block)
        level = log(coin.level) + coin.beta * common_level + own_level
        moves = coin.beta * common_moves + own_moves
        sd = np.hypot(coin.beta * common_sd, own_sd)
        random = np.random.default_rng([self._seed, crc32(symbol.encode()), 3, block])
        first = block * self._bars_a_block
        open_ms = np.arange(first, first + self._bars_a_block, dtype=np.int64) * self.step_ms
        prices = _prices(random, level, moves, sd, coin)
        volume = _volume(random, moves, sd, prices[3], coin)
        return Bars(open_ms, np.column_stack((*prices, volume)))


def _prices(
    random: np.random.Generator, start: float, moves: Array, sd: Array, coin: Coin
) -> tuple[Array, Array, Array, Array]:
    """Open, high, low, close on the tick. A candle opens where the one before it closed.

    High and low are drawn as those of a Brownian bridge, each by itself (Glasserman, Monte Carlo
    Methods in Financial Engineering, 2003, section 6.4).
    """
    ends = start + np.concatenate(([0.0], np.cumsum(moves)))
    up, down = random.exponential(size=(2, moves.size))  # -ln of a uniform draw
    high = ends[:-1] + (moves + np.sqrt(moves**2 + 2.0 * sd**2 * up)) / 2.0
    low = ends[:-1] + (moves - np.sqrt(moves**2 + 2.0 * sd**2 * down)) / 2.0
    tick = 10.0**-coin.price_decimals
    ends, high, low = (
        np.maximum(np.round(np.exp(price), coin.price_decimals), tick)
        for price in (ends, high, low)
    )
    opened, close = ends[:-1], ends[1:]
    high = np.maximum(high, np.maximum(opened, close))
    low = np.minimum(low, np.minimum(opened, close))
    return opened, high, low, close


def _volume(
    random: np.random.Generator, moves: Array, sd: Array, price: Array, coin: Coin
) -> Array:
    """In the base currency: more is traded where prices move, or might."""
    day = _BLOCK_DAYS / moves.size
    usual_sd = np.hypot(coin.beta * _MARKET_SD, coin.own_sd) * day**0.5
    busy = (sd / usual_sd) * (0.55 + 0.55 * np.abs(moves) / sd)
    volume = coin.turnover * day / price * busy * random.lognormal(-0.06, 0.35, size=moves.size)
    lots: Array = np.round(volume, coin.lot_decimals)
    return np.maximum(lots, 10.0**-coin.lot_decimals)
