"""`per_coin_v2`, base: returns, indicators, bar and volume, in units of price and volatility."""

from __future__ import annotations

from math import cos, pi, sin, sqrt

from crypto_bot.domain.instant import DAY_MS
from crypto_bot.features.averages import (
    ATR,
    EMA_12,
    EMA_26,
    EMA_50,
    EMA_200,
    FALL,
    OLDER,
    RISE,
    SIGNAL,
)
from crypto_bot.features.compiled import compiled
from crypto_bot.features.indicators import bounded, log_ratio, ratio, rsi_of
from crypto_bot.features.leader import LOG_RETURN_16, RETURN_1, RETURN_4, RETURN_16
from crypto_bot.features.per_coin_v2.context import closed_return, closed_stretch
from crypto_bot.features.per_coin_v2.memory import (
    SHARE_ATR,
    SHORT_PLACE,
    SIGNED_VOLUME,
    VOLUME,
    VOLUME_SQUARE,
    W4,
    W16,
    W96,
    W672,
    Memory,
    deviation,
    log_return,
)
from crypto_bot.market_data.observations import Floats

BASE = (
    *(f"ret_{k}" for k in (1, 2, 4, 8, 16, 32, 96)),
    "rsi_14",
    "macd",
    "macd_histogram",
    "bollinger_z",
    "ema_50_distance",
    "ema_200_distance",
    "stochastic_14",
    "body",
    "upper_wick",
    "lower_wick",
    "log_range",
    "volume_z",
    "volume_4",
    "signed_volume_16",
    "sd_16_96",
    "atr_percent",
    "atr_week",
    "closed_16_return",
    "closed_16_stretch",
    "lead_ret_1",
    "lead_ret_4",
    "lead_ret_16",
    "ret_16_beyond_lead",
    "hour_sin",
    "hour_cos",
    "weekend",
)
_SPANS = (1, 2, 4, 8, 16, 32, 96)
_STOCHASTIC, _BOLLINGER = 14, 20


@compiled
def write_base(memory: Memory, bar: int, close_ms: int, lead: Floats, row: Floats) -> None:
    """The 33 columns of `BASE`. `row` starts at the first of them."""
    average = memory.averages[OLDER]
    close = memory.recent[bar & SHORT_PLACE, 3]
    share = average[ATR] / close
    for k in range(7):
        moved = log_return(memory, bar, 0, _SPANS[k])
        row[k] = ratio(moved, share * sqrt(float(_SPANS[k])))
    macd = average[EMA_12] - average[EMA_26]
    row[7] = rsi_of(average[RISE], average[FALL]) / 50.0 - 1.0
    row[8] = ratio(macd, average[ATR])
    row[9] = ratio(macd - average[SIGNAL], average[ATR])
    row[10] = _bollinger(memory, bar)
    row[11] = ratio(close - average[EMA_50], average[ATR])
    row[12] = ratio(close - average[EMA_200], average[ATR])
    row[13] = _stochastic(memory, bar)
    _write_bar(memory, bar, average[ATR], row)
    _write_volume(memory, row)
    row[21] = log_ratio(deviation(memory, bar, W16), deviation(memory, bar, W96))
    row[22] = bounded(100.0 * share)
    row[23] = log_ratio(share, memory.sums.held[SHARE_ATR, W672] / 672.0)
    row[24] = ratio(closed_return(memory, bar, 16), 4.0 * share)
    row[25] = ratio(closed_stretch(memory, bar, 16, 8), 4.0 * share)
    row[26] = lead[RETURN_1]
    row[27] = lead[RETURN_4]
    row[28] = lead[RETURN_16]
    row[29] = ratio(log_return(memory, bar, 0, 16) - lead[LOG_RETURN_16], 4.0 * share)
    hour = 2.0 * pi * (close_ms % DAY_MS) / DAY_MS
    row[30] = sin(hour)
    row[31] = cos(hour)
    # the epoch was a Thursday: days 2 and 3 of its week are Saturday and Sunday
    row[32] = 1.0 if 2 <= close_ms // DAY_MS % 7 <= 3 else 0.0


@compiled
def _bollinger(memory: Memory, bar: int) -> float:
    total = squares = 0.0
    for k in range(_BOLLINGER):
        total += memory.recent[(bar - k) & SHORT_PLACE, 3]
    mean = total / _BOLLINGER
    for k in range(_BOLLINGER):
        squares += (memory.recent[(bar - k) & SHORT_PLACE, 3] - mean) ** 2
    return ratio(memory.recent[bar & SHORT_PLACE, 3] - mean, sqrt(squares / _BOLLINGER))


@compiled
def _stochastic(memory: Memory, bar: int) -> float:
    """Place of the close in the range of 14 bars, -1 at its low to 1 at its high."""
    top, bottom = memory.recent[bar & SHORT_PLACE, 1], memory.recent[bar & SHORT_PLACE, 2]
    for k in range(1, _STOCHASTIC):
        top = max(top, memory.recent[(bar - k) & SHORT_PLACE, 1])
        bottom = min(bottom, memory.recent[(bar - k) & SHORT_PLACE, 2])
    return ratio(2.0 * memory.recent[bar & SHORT_PLACE, 3] - top - bottom, top - bottom)


@compiled
def _write_bar(memory: Memory, bar: int, atr: float, row: Floats) -> None:
    candle = memory.recent[bar & SHORT_PLACE]
    opened, high, low, close = candle[0], candle[1], candle[2], candle[3]
    row[14] = ratio(close - opened, high - low)
    row[15] = ratio(high - max(opened, close), high - low)
    row[16] = ratio(min(opened, close) - low, high - low)
    row[17] = log_ratio(high - low, atr)


@compiled
def _write_volume(memory: Memory, row: Floats) -> None:
    mean = memory.sums.held[VOLUME, W96] / 96.0
    spread = sqrt(max(memory.sums.held[VOLUME_SQUARE, W96] / 96.0 - mean * mean, 0.0))
    row[18] = ratio(memory.sums.values[VOLUME] - mean, spread)
    row[19] = log_ratio(memory.sums.held[VOLUME, W4] / 4.0, mean)
    row[20] = ratio(memory.sums.held[SIGNED_VOLUME, W16], memory.sums.held[VOLUME, W16])
