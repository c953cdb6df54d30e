"""Measurements of one window of closed candles: pure functions of the window, compiled."""

from __future__ import annotations

from math import nan, sqrt

import numpy as np

from crypto_bot.features.compiled import compiled
from crypto_bot.features.indicators import (
    atr_step,
    ema_step,
    rise_step,
    rsi_of,
    softsign,
    true_range,
)
from crypto_bot.market_data.observations import Booleans, Floats

COLUMNS = (
    "close",
    "atr",
    "rsi",
    "ema_20",
    "change_14",
    "trend_base",
    "structure",
    "support",
    "resistance",
    "macd_histogram",
    "volatility_ratio",
    "volume_ratio",
    "volume_balance",
)
"""The outputs of `measure`, in order."""
LONG_BARS = 96
"""Reference bars for volatility and volume: a day of 15-minute candles."""
SHORT_BARS = 16
BURST_BARS = 4
SWING_BARS = 5
"""A swing is the extreme of this many candles before and after it."""
FAR = 10.0
"""Distance to a support or resistance that is this many ATR away, or nowhere in the window."""
_PERIOD = 14
_FAST, _SLOW, _SIGNAL = 12, 26, 9


@compiled
def measure(high: Floats, low: Floats, close: Floats, volume: Floats, out: Floats) -> None:
    """Writes `COLUMNS` of a window to `out`; NaN where the window is too short for one."""
    n = close.shape[0]
    last = close[n - 1]
    atr, rsi, ema_20, ema_50, histogram = _smooth(high, low, close)
    out[:] = nan
    out[0] = last
    if n >= _PERIOD:
        out[1] = atr
        out[2] = rsi
    if n >= 20:
        out[3] = ema_20
    if n > _PERIOD:
        out[4] = last / close[n - 1 - _PERIOD] - 1.0
        out[6], out[7], out[8] = _swings(high, low, last, atr)
    if n >= 50:
        out[5] = softsign(ema_20 - ema_50, atr)
    if n >= _SLOW + _SIGNAL - 1:
        out[9] = histogram / atr if atr > 0.0 else 0.0
    if n > LONG_BARS:
        out[10] = _volatility_ratio(close)
        out[11], out[12] = _volume(close, volume)


@compiled
def measure_trend(high: Floats, low: Floats, close: Floats, fast: int, slow: int) -> float:
    """EMA `fast` above EMA `slow` in ATR(14), squashed to -1..1; NaN below `slow` candles.

    With fewer than 14 candles the ATR is the mean of the true ranges that there are.
    """
    n = close.shape[0]
    if n < slow:
        return nan
    quick = calm = close[0]
    atr = high[0] - low[0]
    for i in range(1, n):
        quick = ema_step(quick, close[i], fast)
        calm = ema_step(calm, close[i], slow)
        atr = atr_step(atr, true_range(high[i], low[i], close[i - 1]), i, _PERIOD)
    return softsign(quick - calm, atr)


@compiled
def _smooth(high: Floats, low: Floats, close: Floats) -> tuple[float, float, float, float, float]:
    """ATR(14), RSI(14), EMA 20, EMA 50 and the MACD(12, 26, 9) histogram after the last candle."""
    ema_20 = ema_50 = fast = slow = close[0]
    atr = high[0] - low[0]
    rise = fall = signal = macd = 0.0
    for i in range(1, close.shape[0]):
        price = close[i]
        change = price - close[i - 1]
        atr = atr_step(atr, true_range(high[i], low[i], close[i - 1]), i, _PERIOD)
        rise = rise_step(rise, change, _PERIOD)
        fall = rise_step(fall, -change, _PERIOD)
        ema_20 = ema_step(ema_20, price, 20)
        ema_50 = ema_step(ema_50, price, 50)
        fast = ema_step(fast, price, _FAST)
        slow = ema_step(slow, price, _SLOW)
        macd = fast - slow
        # as `ta` does: the signal line starts where the slow average counts as warmed up
        signal = macd if i < _SLOW else ema_step(signal, macd, _SIGNAL)
    return atr, rsi_of(rise, fall), ema_20, ema_50, macd - signal


@compiled
def _swings(high: Floats, low: Floats, last: float, atr: float) -> tuple[float, float, float]:
    """Structure in -1..1, and the distances to support and resistance in ATR, at most `FAR`.

    Structure: +1 where the last two swing highs rise and the last two swing lows rise, -1 where
    both fall, each counting half. Support and resistance are the nearest swings, of either kind,
    at or below and above the last close.
    """
    highs, high_below, high_above = _turns(high, 1.0, last)
    lows, low_below, low_above = _turns(low, -1.0, last)
    structure = 0.5 * (highs + lows)
    if not atr > 0.0:
        return structure, FAR, FAR
    support = (last - max(high_below, low_below)) / atr
    resistance = (min(high_above, low_above) - last) / atr
    return structure, min(support, FAR), min(resistance, FAR)


@compiled
def _turns(prices: Floats, side: float, last: float) -> tuple[float, float, float]:
    """The swing highs (`side` 1) or lows (-1) of a window.

    Returns the direction from the last but one to the last (0 where there are not two), the nearest
    at or below `last` (0 where there is none), and the nearest above it (inf where there is none).
    """
    found = 0
    newest = before = 0.0
    below, above = 0.0, np.inf
    turning = _turning(prices, side)
    for i in range(turning.shape[0] - 1, -1, -1):
        if not turning[i]:
            continue
        price = prices[i + SWING_BARS]
        found += 1
        if found == 1:
            newest = price
        elif found == 2:
            before = price
        if price <= last:
            below = max(below, price)
        else:
            above = min(above, price)
    direction = np.sign(newest - before) if found > 1 else 0.0
    return direction, below, above


@compiled
def _turning(prices: Floats, side: float) -> Booleans:
    """Whether each price is beyond the `SWING_BARS` before it, and none of those after beyond it.

    The first and last `SWING_BARS` prices have no place in the answer.
    """
    turning = np.empty(max(0, prices.shape[0] - 2 * SWING_BARS), np.bool_)
    for i in range(turning.shape[0]):
        price = side * prices[i + SWING_BARS]
        turns = True
        # all ten without a branch: mispredicted branches would double the time
        for k in range(SWING_BARS):
            turns &= price > side * prices[i + k]
            turns &= price >= side * prices[i + SWING_BARS + 1 + k]
        turning[i] = turns
    return turning


@compiled
def _volatility_ratio(close: Floats) -> float:
    """Root mean square return of the last 16 bars over that of the last 96; 1 where none moved."""
    n = close.shape[0]
    earlier = 0.0
    recent = 0.0
    for i in range(n - LONG_BARS, n):
        square = (close[i] / close[i - 1] - 1.0) ** 2
        if i < n - SHORT_BARS:
            earlier += square
        else:
            recent += square
    whole = (earlier + recent) / LONG_BARS
    return sqrt(recent / SHORT_BARS / whole) if whole > 0.0 else 1.0


@compiled
def _volume(close: Floats, volume: Floats) -> tuple[float, float]:
    """Mean volume of 4 bars over that of 96, and the signed share of volume of 16 bars in -1..1."""
    n = close.shape[0]
    whole = burst = traded = signed = 0.0
    for i in range(n - LONG_BARS, n):
        whole += volume[i]
        if i >= n - SHORT_BARS:
            traded += volume[i]
            signed += volume[i] * np.sign(close[i] - close[i - 1])
        if i >= n - BURST_BARS:
            burst += volume[i]
    ratio = burst / BURST_BARS / (whole / LONG_BARS) if whole > 0.0 else 0.0
    return ratio, signed / traded if traded > 0.0 else 0.0
