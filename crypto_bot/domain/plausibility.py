"""Candles with the prices of something else: judged by the coin's past and by the other coins."""

from __future__ import annotations

from collections import deque
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from math import log, sqrt
from statistics import median
from typing import NamedTuple

from crypto_bot.domain.candle import Candle
from crypto_bot.domain.timeframe import Timeframe

WINDOW_BARS = 96
AGAIN_BARS = 3
"""The newest candles are read again with the next: exchanges add to them for a while, and they tell
whether a reply is of this coin."""
_FLOOR = 0.03
"""As a log return. Of 3.07 million real candles (32 coins, 15m, 2022-2025) none opened further than
0.018 from the last close."""
_FLOOR_OF_FEW = 0.5
"""Of a past of fewer than `_FEW_BARS`: a coin that has just been listed moves as it never will."""
_FEW_BARS = 24
_RANGES = 8.0
"""Times the coin's median true range; of the same candles none opened further than 4.6 of them."""
_OTHERS = 3.0
"""Times the median of what the other coins did in the bar, once there are `_QUORUM` of them."""
_QUORUM = 3
_SAME = 0.005


def distance(price: float, other: float) -> float:
    """The absolute log return from one to the other."""
    return abs(log(price / other))


def differs(candle: Candle, stored: Candle) -> bool:
    """Whether `candle` cannot be a revision of `stored`: its close is beyond a range of that."""
    bound = max(_FLOOR, log(stored.high / stored.low))
    return distance(candle.close, stored.close) > bound


class Doubted(NamedTuple):
    """A candle that opens too far from `close`, the last plausible one."""

    candle: Candle
    close: float


class Sifted(NamedTuple):
    """Candles of one coin, each list ascending."""

    plausible: list[Candle]
    doubted: list[Doubted]


@dataclass(slots=True)
class _Past:
    """The stored candles of one coin: the newest, and the true ranges of the last `WINDOW_BARS`."""

    recent: deque[Candle] = field(default_factory=lambda: deque(maxlen=AGAIN_BARS))
    ranges: deque[float] = field(default_factory=lambda: deque(maxlen=WINDOW_BARS))

    def add(self, candle: Candle) -> None:
        """The next one. Its true range is Wilder's (1978), of log prices."""
        last = self.recent[-1].close if self.recent else candle.open
        self.ranges.append(log(max(candle.high, last) / min(candle.low, last)))
        self.recent.append(candle)

    def bound(self, bars: int) -> float:
        """How far a price may lie from the last close, `bars` later: as a random walk gets."""
        usual = median(self.ranges) if self.ranges else 0.0
        least = _FLOOR if len(self.ranges) >= _FEW_BARS else _FLOOR_OF_FEW
        return max(least, _RANGES * usual * sqrt(bars))

    def copy(self) -> _Past:
        return _Past(self.recent.copy(), self.ranges.copy())


class Plausibility:
    """Judges candles that were read by those that are stored, which it is to `learn`."""

    def __init__(self, timeframe: Timeframe) -> None:
        self._timeframe = timeframe
        self._past: dict[str, _Past] = {}
        self._newest: dict[str, tuple[Candle, float]] = {}
        """The newest candle that was read of each coin, and how far from its last close it opens.
        """

    def learn(self, symbol: str, candles: Iterable[Candle]) -> None:
        """Adds stored candles, ascending; those that are not newer than the last are passed."""
        past = self._past.setdefault(symbol, _Past())
        for candle in candles:
            if not past.recent or candle.open_ms > past.recent[-1].open_ms:
                past.add(candle)

    def newest(self, symbol: str) -> Sequence[Candle]:
        """The newest stored candles, at most three, ascending."""
        return tuple(self._past.get(symbol, _Past()).recent)

    def contradiction(
        self, symbol: str, candles: Sequence[Candle], known: Mapping[int, Candle]
    ) -> str | None:
        """Why `candles` are not those of `symbol` at all; None where they may be.

        Those that are `known`, by open time, have prices far from the known ones; or, where nothing
        is known, the newest is equal to one of another coin.
        """
        if not known:
            twin = next((o for c in candles[-1:] for o in self._others(symbol, c, 0.0)), None)
            return None if twin is None else f"{symbol} and {twin} have equal candles"
        for candle in candles:
            before = known.get(candle.open_ms)
            if before is not None and differs(candle, before):
                return (
                    f"{symbol} has closed at {candle.close:g} where {before.close:g} is known: "
                    "its candles are those of something else"
                )
        return None

    def sift(self, symbol: str, candles: Sequence[Candle], confirmed: Container[int]) -> Sifted:
        """Tells plausible candles, ascending and newer than the stored ones, from doubtful ones.

        A candle is plausible whose open is near the last plausible close, or is `confirmed`.
        """
        past = self._past.get(symbol, _Past()).copy()
        plausible, doubted = list[Candle](), list[Doubted]()
        jump, since = 0.0, 0
        for candle in candles:
            last = past.recent[-1] if past.recent else candle
            jump = distance(candle.open, last.close) if past.recent else 0.0
            if jump > _FLOOR and candle.open_ms not in confirmed:
                # What was doubted in between is no gap, in which a price might have gone far.
                bars = (candle.open_ms - last.open_ms) // self._timeframe.ms - since
                if jump > max(past.bound(max(1, bars)), self._moved(symbol, candle.open_ms)):
                    doubted.append(Doubted(candle, last.close))
                    since += 1
                    continue
            past.add(candle)
            plausible.append(candle)
            since = 0
        if candles:
            self._newest[symbol] = candles[-1], jump
        return Sifted(plausible, doubted)

    def agrees(self, symbol: str, candle: Candle, price: float) -> bool:
        """Whether a `price` that was read after `candle` is the same coin's."""
        bound = self._past.get(symbol, _Past()).bound(1)
        return distance(price, candle.close) <= bound

    def resembles(self, symbol: str, candle: Candle) -> str | None:
        """Another coin whose candle of the same bar has about the prices of `candle`."""
        return next(iter(self._others(symbol, candle, _SAME)), None)

    def _others(self, symbol: str, candle: Candle, apart: float) -> list[str]:
        return [
            other
            for other, (newest, _) in self._newest.items()
            if other != symbol
            and newest.open_ms == candle.open_ms
            and distance(newest.open, candle.open) <= apart
            and distance(newest.close, candle.close) <= apart
            and (apart > 0.0 or newest == candle)
        ]

    def _moved(self, symbol: str, open_ms: int) -> float:
        """How far the other coins opened from their last closes in that bar."""
        jumps = [
            jump
            for other, (newest, jump) in self._newest.items()
            if other != symbol and newest.open_ms == open_ms
        ]
        return _OTHERS * median(jumps) if len(jumps) >= _QUORUM else 0.0
