"""`per_coin_v1`: the fifteen classic indicators of one coin, in price units."""

from __future__ import annotations

from math import log, sqrt
from typing import NamedTuple

import numpy as np

from crypto_bot.features.averages import (
    ANCHOR_BARS,
    ATR,
    COUNT,
    EMA_12,
    EMA_20,
    EMA_26,
    EMA_50,
    FALL,
    MEMORY_BARS,
    OLDER,
    PARAMETERS,
    RISE,
    SIGNAL,
    average_step,
    begin_averages,
)
from crypto_bot.features.compiled import compiled
from crypto_bot.features.indicators import rsi_of
from crypto_bot.features.per_coin_v2.memory import BAR, RUN
from crypto_bot.features.sets import FeatureSet
from crypto_bot.features.windows import CLOSE, VOLUME, Feed
from crypto_bot.market_data.observations import Booleans, Floats, Integers

COLUMNS = (
    "returns",
    "log_returns",
    "rsi_14",
    "macd",
    "macd_signal",
    "macd_diff",
    "atr_14",
    "ema_20",
    "ema_50",
    "bb_upper",
    "bb_middle",
    "bb_lower",
    "bb_width",
    "volatility",
    "volume_change",
)
WINDOW = 20
"""Bars of the Bollinger bands (±2 sd) and of the volatility (sample sd of the returns)."""

_RING = 32
_PLACE = _RING - 1  # bar & _PLACE is the place of a bar in a ring


class Memory(NamedTuple):
    """State of each coin; the first axis counts coins."""

    marks: Integers  # last bar, candles since the last gap
    averages: Floats
    closes: Floats  # by bar number modulo 32, as are the returns
    returns: Floats
    volume: Floats


def new_memory(coins: int) -> Memory:
    """An empty state."""
    return Memory(
        np.zeros((coins, 2), np.int64),
        np.zeros((coins, 2, COUNT)),
        np.zeros((coins, _RING)),
        np.zeros((coins, _RING)),
        np.zeros((coins, 1)),
    )


@compiled
def advance(memory: Memory, coin: int, feed: Feed, rows: Floats, valid: Booleans) -> None:
    """Processes the candles of one coin; fills `rows` (NaN where not `valid`). See `batch`."""
    own = Memory(
        memory.marks[coin],
        memory.averages[coin],
        memory.closes[coin],
        memory.returns[coin],
        memory.volume[coin],
    )
    for i in range(feed.bars.shape[0]):
        valid[i] = _step(own, feed.bars[i], feed.candles[i], feed.warm_up, rows[i])
        if feed.cuts[i]:  # volume is not comparable with that of the market before
            valid[i] = False
            rows[i, :] = np.nan


@compiled
def _step(own: Memory, bar: int, candle: Floats, warm_up: int, row: Floats) -> bool:
    marks, slots, closes, returns, volumes = own
    close, volume = candle[CLOSE], candle[VOLUME]
    follows = marks[RUN] > 0 and bar == marks[BAR] + 1
    marks[RUN] = marks[RUN] + 1 if follows else 1
    marks[BAR] = bar
    closes[bar & _PLACE] = close
    change = 0.0
    if follows:
        before = closes[(bar - 1) & _PLACE]
        change = close / before - 1.0
        average_step(slots, bar, candle, before)
        row[1] = log(close / before)
        traded = volumes[0]
        row[14] = volume / traded - 1.0 if traded > 0.0 else 0.0
    else:
        begin_averages(slots, candle)
    returns[bar & _PLACE] = change
    volumes[0] = volume
    if marks[RUN] < warm_up:
        row[:] = np.nan
        return False
    row[0] = change
    _smooth(slots[OLDER], row)
    _bands(closes, returns, bar, row)
    return True


@compiled
def _smooth(average: Floats, row: Floats) -> None:
    macd = average[EMA_12] - average[EMA_26]
    row[2] = rsi_of(average[RISE], average[FALL])
    row[3] = macd
    row[4] = average[SIGNAL]
    row[5] = macd - average[SIGNAL]
    row[6] = average[ATR]
    row[7] = average[EMA_20]
    row[8] = average[EMA_50]


@compiled
def _bands(closes: Floats, returns: Floats, bar: int, row: Floats) -> None:
    middle, squares = _spread(closes, bar)
    reach = 2.0 * sqrt(squares / WINDOW)
    row[9] = middle + reach
    row[10] = middle
    row[11] = middle - reach
    row[12] = 200.0 * reach / middle
    _, squares = _spread(returns, bar)
    row[13] = sqrt(squares / (WINDOW - 1))


@compiled
def _spread(ring: Floats, bar: int) -> tuple[float, float]:
    """Mean of the last `WINDOW` values and the sum of their squared distances to it."""
    total = odd = 0.0  # two chains of additions: half the time
    for k in range(0, WINDOW, 2):
        total += ring[(bar - k) & _PLACE]
        odd += ring[(bar - k - 1) & _PLACE]
    mean = (total + odd) / WINDOW
    squares = odd = 0.0
    for k in range(0, WINDOW, 2):
        even_off = ring[(bar - k) & _PLACE] - mean
        odd_off = ring[(bar - k - 1) & _PLACE] - mean
        squares += even_off * even_off
        odd += odd_off * odd_off
    squares += odd
    return mean, squares


PER_COIN_V1 = FeatureSet(
    name="per_coin_v1",
    version=1,
    columns=COLUMNS,
    warm_up_limit=ANCHOR_BARS,
    history_bars=MEMORY_BARS,
    new_memory=new_memory,
    advance=advance,
    parameters={**PARAMETERS, "warm_up": ANCHOR_BARS, "window": WINDOW},
)
