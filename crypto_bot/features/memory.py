"""Recent candles of each coin, and the complete higher candles made from them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from crypto_bot.domain.timeframe import Timeframe
from crypto_bot.features.compiled import compiled
from crypto_bot.market_data.observations import Booleans, Floats, Integers

BASE_WINDOW = 256
"""Number of closed candles of the base timeframe that are measured."""
OPEN_MS, OPEN, HIGH, LOW, CLOSE, VOLUME = range(6)
"""Columns of a candle as a row of floats (open times stay exact up to 2**53)."""
_NEVER = -1


class Level(NamedTuple):
    """A higher timeframe: how many of its candles are kept, and the two spans of its trend."""

    timeframe: Timeframe
    window: int
    fast: int
    slow: int


class CandleMemory(NamedTuple):
    """Arrays over (coin) or (coin, level), where level 0 is the first higher timeframe.

    Series are kept as (…, column, place); the newest `filled` places are valid up to and excluding
    `filled`, and where the end is reached the newest window moves to the front.
    """

    step_ms: int
    newest_open: Integers
    filled: Integers
    series: Floats  # (coin, high | low | close | volume, place)
    span_ms: Integers  # of each level, as are origin_ms, window, fast and slow
    origin_ms: Integers
    window: Integers
    fast: Integers
    slow: Integers
    slot: Integers  # open time of the growing candle
    parts: Integers  # base candles in the growing candle
    growing: Floats  # (coin, level, high | low | close)
    higher_filled: Integers
    higher: Floats  # (coin, level, high | low | close, place)
    changed: Booleans  # a candle of the level closed since its trend was measured
    trend: Floats


def empty_memory(coins: int, timeframe: Timeframe, levels: Sequence[Level]) -> CandleMemory:
    """Empty memory of `coins` coins."""
    per_level = (coins, len(levels))
    kept = 2 * max((level.window for level in levels), default=1)
    return CandleMemory(
        step_ms=timeframe.ms,
        newest_open=np.full(coins, _NEVER, np.int64),
        filled=np.zeros(coins, np.int64),
        series=np.empty((coins, 4, 4 * BASE_WINDOW)),
        span_ms=np.array([level.timeframe.ms for level in levels], np.int64),
        origin_ms=np.array([level.timeframe.open_of(0) for level in levels], np.int64),
        window=np.array([level.window for level in levels], np.int64),
        fast=np.array([level.fast for level in levels], np.int64),
        slow=np.array([level.slow for level in levels], np.int64),
        slot=np.full(per_level, _NEVER, np.int64),
        parts=np.zeros(per_level, np.int64),
        growing=np.empty((*per_level, 3)),
        higher_filled=np.zeros(per_level, np.int64),
        higher=np.empty((*per_level, 3, kept)),
        changed=np.zeros(per_level, np.bool_),
        trend=np.full(per_level, np.nan),
    )


@compiled
def forget(memory: CandleMemory, coin: int) -> None:
    """Clears the memory of `coin`."""
    memory.newest_open[coin] = _NEVER
    memory.filled[coin] = 0
    memory.slot[coin] = _NEVER
    memory.parts[coin] = 0
    memory.higher_filled[coin] = 0
    memory.changed[coin] = True


@compiled
def absorb(memory: CandleMemory, coin: int, candle: Floats) -> None:
    """Adds one candle, `[open_ms, open, high, low, close, volume]`, newer than any before.

    One that does not follow its predecessor restarts the memory: nothing before a gap is kept.
    """
    open_ms = np.int64(candle[OPEN_MS])
    if open_ms != memory.newest_open[coin] + memory.step_ms:
        forget(memory, coin)
    memory.newest_open[coin] = open_ms
    series = memory.series[coin]
    place = memory.filled[coin]
    if place == series.shape[1]:
        place = _move_to_front(series, BASE_WINDOW - 1)
    for column in range(4):
        series[column, place] = candle[HIGH + column]
    memory.filled[coin] = place + 1
    for level in range(memory.span_ms.shape[0]):
        _grow(memory, coin, level, open_ms, candle)


@compiled
def _grow(memory: CandleMemory, coin: int, level: int, open_ms: np.int64, candle: Floats) -> None:
    """Adds one base candle to the growing candle of `level`, and closes it when it is complete."""
    span = memory.span_ms[level]
    slot = open_ms - (open_ms - memory.origin_ms[level]) % span
    growing = memory.growing[coin, level]
    if slot != memory.slot[coin, level]:
        memory.slot[coin, level] = slot
        memory.parts[coin, level] = 0
        growing[0] = candle[HIGH]
        growing[1] = candle[LOW]
    growing[0] = max(growing[0], candle[HIGH])
    growing[1] = min(growing[1], candle[LOW])
    growing[2] = candle[CLOSE]
    memory.parts[coin, level] += 1
    if memory.parts[coin, level] * memory.step_ms != span:
        return
    series = memory.higher[coin, level]
    place = memory.higher_filled[coin, level]
    if place == series.shape[1]:
        place = _move_to_front(series, memory.window[level] - 1)
    for column in range(3):
        series[column, place] = growing[column]
    memory.higher_filled[coin, level] = place + 1
    memory.changed[coin, level] = True


@compiled
def _move_to_front(series: Floats, kept: int) -> int:
    """Moves the newest `kept` places of a full series to its front; returns the next place."""
    first = series.shape[1] - kept
    for column in range(series.shape[0]):
        for place in range(kept):
            series[column, place] = series[column, first + place]
    return kept
