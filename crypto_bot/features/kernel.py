"""Candles to features: a whole history at once, by the kernel that also serves live."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from crypto_bot.domain.candle import Candle
from crypto_bot.domain.errors import BadCandles
from crypto_bot.domain.timeframe import Timeframe
from crypto_bot.features import lead
from crypto_bot.features.compiled import compiled
from crypto_bot.features.sets import FeatureSet
from crypto_bot.features.tape import new_tape
from crypto_bot.features.windows import (
    CLOSE,
    HIGH,
    LOW,
    OPEN,
    VOLUME,
    Booleans,
    Feed,
    Floats,
    Integers,
)

_CHUNK = 8192
"""Rows in full precision at a time."""


class Series(NamedTuple):
    """Candles of one coin: open times (n,) and open, high, low, close, volume (n, 5)."""

    open_ms: Integers
    candles: Floats


class FeatureRows(NamedTuple):
    """One row for each candle, (n, columns); NaN where not `valid` (n,)."""

    rows: Floats
    valid: Booleans


def series(candles: Sequence[Candle]) -> Series:
    """`candles` as arrays."""
    table = np.array(candles, np.float64).reshape(-1, 6)
    return Series(table[:, 0].astype(np.int64), np.ascontiguousarray(table[:, 1:]))


def batch(
    features: FeatureSet,
    timeframe: Timeframe,
    coin: Series,
    leader: Series | None = None,
    *,
    market_since_ms: Sequence[int] = (),
    dtype: npt.DTypeLike = np.float64,
) -> FeatureRows:
    """Features of every candle of `coin`, each from candles up to its own close.

    A row is valid once `warm_up_bars` candles follow one another without a gap, of the coin and of
    the leader, whose candle of the same time must be there. `market_since_ms` names candles at
    which the series passes to another market: what is made of volume starts anew there (live, on
    one exchange, there are none). Raises BadCandles where an open time is off the grid or does not
    ascend, or a value cannot be true; ValueError where the set has a leader and none is given.
    """
    bars = bar_numbers(coin, timeframe, "candles")
    leads = np.zeros((bars.shape[0], lead.COLUMNS))
    if features.leader is not None:
        if leader is None:
            raise ValueError(f"{features.name} needs the candles of {features.leader}")
        leads = _aligned_leads(bars, leader, timeframe, features.leader)
    cuts = np.isin(coin.open_ms, np.array(market_since_ms, np.int64))
    tape = features.new_tape(1)
    rows = np.empty((bars.shape[0], len(features.columns)), dtype)
    valid = np.empty(bars.shape[0], np.bool_)
    for since in range(0, bars.shape[0], _CHUNK):
        part = slice(since, since + _CHUNK)
        feed = Feed(bars[part], coin.candles[part], cuts[part], leads[part], timeframe.ms)
        exact = rows[part] if rows.dtype == np.float64 else np.empty(rows[part].shape)
        features.advance(tape, 0, feed, exact, valid[part])
        if exact.dtype != rows.dtype:
            rows[part] = exact
    return FeatureRows(rows, valid)


def bar_numbers(coin: Series, timeframe: Timeframe, origin: str) -> Integers:
    """Bar numbers since the epoch. Raises BadCandles."""
    faulty = _faulty(coin.open_ms, coin.candles, timeframe.ms)
    if faulty >= 0:
        raise BadCandles(
            f"{origin}: row {faulty} cannot be true (values, grid or order): "
            f"open_ms {coin.open_ms[faulty]}, {coin.candles[faulty].tolist()}"
        )
    return coin.open_ms // timeframe.ms


@compiled
def _faulty(open_ms: Integers, candles: Floats, step_ms: int) -> int:
    """The first row that cannot be true, -1 where there is none. Gaps are no fault."""
    for i in range(open_ms.shape[0]):
        opened, high, low = candles[i, OPEN], candles[i, HIGH], candles[i, LOW]
        close, volume = candles[i, CLOSE], candles[i, VOLUME]
        sound = 0.0 < low <= opened <= high < np.inf and low <= close <= high  # no NaN passes
        sound = sound and 0.0 <= volume < np.inf and open_ms[i] % step_ms == 0
        if not sound or (i > 0 and open_ms[i] <= open_ms[i - 1]):
            return i
    return -1


def _aligned_leads(bars: Integers, leader: Series, timeframe: Timeframe, symbol: str) -> Floats:
    """The leader's rows at `bars`; zeros (unknown) where it has no candle."""
    own = bar_numbers(leader, timeframe, symbol)
    known = np.zeros((own.shape[0] + 1, lead.COLUMNS))
    lead.lead(new_tape(1), own, leader.candles, known[:-1])
    at = np.searchsorted(own, bars)
    there = np.append(own, -1)[at] == bars
    aligned: Floats = known[np.where(there, at, own.shape[0])]
    return aligned
