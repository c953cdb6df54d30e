"""What a simulated exchange trades: base candles of its symbols, as arrays."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from crypto_bot.domain.candle import Candle
from crypto_bot.domain.timeframe import Timeframe

Array = NDArray[np.float64]

OPEN, HIGH, LOW, CLOSE, VOLUME = range(5)


@dataclass(frozen=True, slots=True)
class Bars:
    """Candles of one symbol, ascending: `open_ms` of shape (n,), `values` (n, 5) open..volume."""

    open_ms: NDArray[np.int64]
    values: Array

    def __len__(self) -> int:
        return len(self.open_ms)

    def part(self, start: int, stop: int) -> Bars:
        """Rows `start..stop - 1`."""
        return Bars(self.open_ms[start:stop], self.values[start:stop])

    def candles(self) -> list[Candle]:
        """The same, one by one."""
        rows = zip(self.open_ms.tolist(), self.values.tolist(), strict=True)
        return [Candle(open_ms, *row) for open_ms, row in rows]

    def resampled(self, timeframe: Timeframe) -> Bars:
        """One candle for each stretch of `timeframe` that has at least one of these."""
        if not len(self):
            return self
        bins = self.open_ms // timeframe.ms
        starts = np.flatnonzero(np.diff(bins, prepend=bins[0] - 1))
        ends = np.append(starts[1:], len(bins)) - 1
        columns = (
            self.values[starts, OPEN],
            np.maximum.reduceat(self.values[:, HIGH], starts),
            np.minimum.reduceat(self.values[:, LOW], starts),
            self.values[ends, CLOSE],
            np.add.reduceat(self.values[:, VOLUME], starts),
        )
        return Bars(bins[starts] * timeframe.ms, np.column_stack(columns))


class Listing(NamedTuple):
    """How finely a symbol is quoted: decimals of its prices and of its amounts."""

    price_decimals: int
    lot_decimals: int


class Market(Protocol):
    """The whole truth, the future included; who asks says up to when. Never changes its mind."""

    @property
    def symbols(self) -> tuple[str, ...]:
        """What is listed."""
        ...

    @property
    def timeframe(self) -> Timeframe:
        """The interval of its candles."""
        ...

    def listing(self, symbol: str) -> Listing:
        """How finely `symbol` is quoted."""
        ...

    def first(self, symbol: str, since_ms: int, until_ms: int, count: int) -> Bars:
        """The oldest `count` candles with open in `[since_ms, until_ms]`."""
        ...

    def last(self, symbol: str, since_ms: int, until_ms: int, count: int) -> Bars:
        """The newest `count` candles with open in `[since_ms, until_ms]`."""
        ...

    def candles(self, symbol: str, since_ms: int, until_ms: int) -> list[Candle]:
        """All candles with open in `[since_ms, until_ms]`, ascending."""
        count = max(0, until_ms - since_ms) // self.timeframe.ms + 1
        return self.first(symbol, since_ms, until_ms, count).candles()
