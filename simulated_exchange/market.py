"""What a simulated exchange trades: base candles of its symbols, as arrays."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

OPEN, HIGH, LOW, CLOSE, VOLUME = range(5)


class Candle(NamedTuple):
    """`open_ms` is its open time (UTC ms); `volume` in the base currency."""

    open_ms: int
    open: float
    high: float
    low: float
    close: float
    volume: float


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

    def resampled(self, step_ms: int) -> Bars:
        """One candle for each interval of `step_ms` that has at least one of these."""
        if not len(self):
            return self
        bins = self.open_ms // step_ms
        starts = np.flatnonzero(np.diff(bins, prepend=bins[0] - 1))
        ends = np.append(starts[1:], len(bins)) - 1
        columns = (
            self.values[starts, OPEN],
            np.maximum.reduceat(self.values[:, HIGH], starts),
            np.minimum.reduceat(self.values[:, LOW], starts),
            self.values[ends, CLOSE],
            np.add.reduceat(self.values[:, VOLUME], starts),
        )
        return Bars(bins[starts] * step_ms, np.column_stack(columns))


class Listing(NamedTuple):
    """How finely a symbol is quoted: decimals of its prices and of its amounts."""

    price_decimals: int
    lot_decimals: int


class Market(ABC):
    """All candles, the future included; callers limit the time. Deterministic."""

    symbols: tuple[str, ...]
    step_ms: int
    """The length of its candles."""

    @abstractmethod
    def listing(self, symbol: str) -> Listing:
        """How finely `symbol` is quoted."""

    @abstractmethod
    def _span(self, symbol: str, since_ms: int, until_ms: int) -> tuple[int, int]:
        """The rows of `symbol` with open in `[since_ms, until_ms]`: (start, stop)."""

    @abstractmethod
    def _rows(self, symbol: str, start: int, stop: int) -> Bars:
        """Rows `start..stop - 1` of `symbol`; none where `start >= stop`."""

    def first(self, symbol: str, since_ms: int, until_ms: int, count: int) -> Bars:
        """The oldest `count` candles with open in `[since_ms, until_ms]`."""
        start, stop = self._span(symbol, since_ms, until_ms)
        return self._rows(symbol, start, min(stop, start + count))

    def last(self, symbol: str, since_ms: int, until_ms: int, count: int) -> Bars:
        """The newest `count` candles with open in `[since_ms, until_ms]`."""
        start, stop = self._span(symbol, since_ms, until_ms)
        return self._rows(symbol, max(start, stop - count), stop)

    def candles(self, symbol: str, since_ms: int, until_ms: int) -> list[Candle]:
        """All candles with open in `[since_ms, until_ms]`, ascending."""
        count = max(0, until_ms - since_ms) // self.step_ms + 1
        return self.first(symbol, since_ms, until_ms, count).candles()
