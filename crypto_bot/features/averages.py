"""Exponential averages with a bounded memory: restarted at fixed calendar anchors."""

from __future__ import annotations

from crypto_bot.features.compiled import compiled
from crypto_bot.features.indicators import atr_step, ema_step, rise_step, true_range
from crypto_bot.features.windows import CLOSE, HIGH, LOW
from crypto_bot.market_data.observations import Floats

ANCHOR_BARS = 800
"""An anchor every so many bars since the epoch. After 800 bars the start of an EMA 50 weighs 1e-14,
that of Wilder's averages of 14 less than 1e-25, that of an EMA 200 3e-4."""
MEMORY_BARS = 2 * ANCHOR_BARS + 1
"""Maximum number of candles on which an average depends, its own included."""

PERIOD, FAST, SLOW, SIGNAL_SPAN = 14, 12, 26, 9
PARAMETERS = {
    "anchor_bars": ANCHOR_BARS,
    "period": PERIOD,
    "macd": [FAST, SLOW, SIGNAL_SPAN],
}
"""Parameters for the schema hash of a feature set with these averages."""
ATR, RISE, FALL, EMA_12, EMA_26, SIGNAL, EMA_20, EMA_50, EMA_200, AGE = range(10)
COUNT = 10
OLDER, YOUNGER = 0, 1


@compiled
def begin_averages(slots: Floats, candle: Floats) -> None:
    """Starts both recursions at this candle, the first of a run without a gap."""
    reach = candle[HIGH] - candle[LOW]
    _seed(slots[OLDER], reach, candle[CLOSE])
    _seed(slots[YOUNGER], reach, candle[CLOSE])


@compiled
def average_step(slots: Floats, bar: int, candle: Floats, previous_close: float) -> None:
    """Adds one candle; `slots[OLDER]` then holds the averages.

    Two recursions run side by side: at an anchor the younger one becomes the older one and a new
    one begins. The older one has therefore seen between `ANCHOR_BARS` and twice as many candles,
    the same ones whatever came before them: live, in replay and after a restart.
    """
    close = candle[CLOSE]
    reach = true_range(candle[HIGH], candle[LOW], previous_close)
    change = close - previous_close
    _recur(slots[OLDER], reach, change, close)
    _recur(slots[YOUNGER], reach, change, close)
    if bar % ANCHOR_BARS == 0:
        slots[OLDER] = slots[YOUNGER]
        _seed(slots[YOUNGER], reach, close)


@compiled
def _seed(average: Floats, reach: float, close: float) -> None:
    average[:] = close  # every exponential average
    average[ATR] = reach
    average[RISE] = average[FALL] = average[SIGNAL] = 0.0
    average[AGE] = 1.0


@compiled
def _recur(average: Floats, reach: float, change: float, close: float) -> None:
    average[ATR] = atr_step(average[ATR], reach, int(average[AGE]), PERIOD)
    average[RISE] = rise_step(average[RISE], change, PERIOD)
    average[FALL] = rise_step(average[FALL], -change, PERIOD)
    average[EMA_12] = ema_step(average[EMA_12], close, FAST)
    average[EMA_26] = ema_step(average[EMA_26], close, SLOW)
    macd = average[EMA_12] - average[EMA_26]
    average[SIGNAL] = ema_step(average[SIGNAL], macd, SIGNAL_SPAN)
    average[EMA_20] = ema_step(average[EMA_20], close, 20)
    average[EMA_50] = ema_step(average[EMA_50], close, 50)
    average[EMA_200] = ema_step(average[EMA_200], close, 200)
    average[AGE] += 1.0
