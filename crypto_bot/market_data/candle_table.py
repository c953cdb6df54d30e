"""Candles of one symbol as arrays, with the observations that are joined to them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from crypto_bot.domain.candle import Candle
from crypto_bot.domain.timeframe import Timeframe
from crypto_bot.market_data.observations import (
    NOTHING,
    Column,
    Floats,
    Integers,
    Observations,
    as_of,
)


@dataclass(frozen=True, slots=True, eq=False)
class CandleTable:
    """Open times (n,), candles (n, 5) as open, high, low, close, volume, and named observations.

    Every named column has one value and one mask for each candle: what was known at its close.
    """

    open_ms: Integers
    candles: Floats
    observed: Mapping[str, Observations] = field(default_factory=dict)

    def column(self, name: str, timeframe: Timeframe, max_age_ms: int) -> Column:
        """The observations `name` as of each candle's close; masked where there are none."""
        known = self.observed.get(name, NOTHING)
        return as_of(self.open_ms + timeframe.ms, known, max_age_ms)

    def before(self, until_ms: int) -> CandleTable:
        """The candles that open before `until_ms` and the observations known by then."""
        count = int(np.searchsorted(self.open_ms, until_ms))
        observed = {name: known.before(until_ms) for name, known in self.observed.items()}
        return CandleTable(self.open_ms[:count], self.candles[:count], observed)

    def between(self, since_ms: int, until_ms: int) -> list[Candle]:
        """The candles that open in `[since_ms, until_ms]`, one by one."""
        first, last = np.searchsorted(self.open_ms, (since_ms, until_ms + 1))
        times, rows = self.open_ms[first:last].tolist(), self.candles[first:last].tolist()
        return [Candle(at, *values) for at, values in zip(times, rows, strict=True)]

    def newest(self, count: int) -> CandleTable:
        """The last `count` candles, with all that was observed."""
        return CandleTable(self.open_ms[-count:], self.candles[-count:], self.observed)

    def fingerprint(self) -> str:
        """SHA-256 of all of it."""
        digest = hashlib.sha256(self.open_ms.tobytes() + self.candles.tobytes())
        for name, known in sorted(self.observed.items()):
            digest.update(name.encode() + known.known_ms.tobytes() + known.values.tobytes())
        return digest.hexdigest()


def candle_table(candles: Sequence[Candle]) -> CandleTable:
    """`candles` as arrays, without observations."""
    table = np.array(candles, np.float64).reshape(-1, 6)
    return CandleTable(table[:, 0].astype(np.int64), np.ascontiguousarray(table[:, 1:]))
