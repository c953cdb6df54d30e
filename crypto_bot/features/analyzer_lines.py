"""What the analyzer measures at each of many candles, as lines of a chart."""

from __future__ import annotations

from math import nan
from typing import NamedTuple

import numpy as np

from crypto_bot.domain.timeframe import Timeframe
from crypto_bot.features.compiled import compiled
from crypto_bot.features.indicators import ema_step
from crypto_bot.features.measurement import COLUMNS, FAR, measure
from crypto_bot.features.memory import BASE_WINDOW, Level
from crypto_bot.features.views import level_of
from crypto_bot.market_data.candle_table import CandleTable
from crypto_bot.market_data.observations import Floats, Integers

_BASE_SPANS = (20, 50)
_ATR, _RSI = COLUMNS.index("atr"), COLUMNS.index("rsi")
_SUPPORT, _RESISTANCE = COLUMNS.index("support"), COLUMNS.index("resistance")


class AnalyzerLines(NamedTuple):
    """Arrays [n], NaN where unknown; prices but for the RSI, which is 0..100.

    `fast` and `slow` are the averages of the trend, over `spans` candles; `support` and
    `resistance` the nearest earlier swings below and above the close, within 10 ATR.
    """

    spans: tuple[int, int]
    fast: Floats
    slow: Floats
    rsi: Floats
    support: Floats
    resistance: Floats


def analyzer_lines(
    table: CandleTable, timeframe: Timeframe, base: Timeframe, first: int = 0
) -> AnalyzerLines:
    """The lines at the rows of `table` from `first` on, for an analyzer of candles of `base`.

    Each value is a function of the newest `BASE_WINDOW` candles since the last gap, and equals the
    analyzer's where `table` reaches back that far. Longer timeframes have the averages of its trend
    there.
    """
    level = Level(base, BASE_WINDOW, *_BASE_SPANS)
    if timeframe != base:
        level = level_of(timeframe)
    series = np.ascontiguousarray(table.candles[:, 1:].T)
    out = np.full((5, table.open_ms.size), nan)
    rule = _Rule(timeframe.ms, level.window, level.fast, level.slow)
    _measure_lines(table.open_ms, series, out, first, rule)
    return AnalyzerLines((level.fast, level.slow), *out[:, first:])


class _Rule(NamedTuple):
    """The distance of two candles, and the window and the spans of the averages."""

    step_ms: int
    window: int
    fast: int
    slow: int


@compiled
def _measure_lines(open_ms: Integers, series: Floats, out: Floats, first: int, rule: _Rule) -> None:
    """`series` is (high | low | close | volume, candle); fills `out` (line, candle)."""
    step_ms, window, fast, slow = rule
    values = np.empty(len(COLUMNS))
    close, run = series[2], 0
    for at in range(open_ms.shape[0]):
        run = run + 1 if at > 0 and open_ms[at] - open_ms[at - 1] == step_ms else 1
        if at < first:
            continue
        end, start = at + 1, at + 1 - min(run, BASE_WINDOW)
        high, low, volume = series[0, start:end], series[1, start:end], series[3, start:end]
        measure(high, low, series[2, start:end], volume, values)
        start = end - min(run, window)
        quick = calm = close[start]
        for i in range(start + 1, end):
            quick = ema_step(quick, close[i], fast)
            calm = ema_step(calm, close[i], slow)
        if end - start >= fast:
            out[0, at] = quick
        if end - start >= slow:
            out[1, at] = calm
        out[2, at] = values[_RSI]
        if values[_SUPPORT] < FAR:
            out[3, at] = close[at] - values[_SUPPORT] * values[_ATR]
        if values[_RESISTANCE] < FAR:
            out[4, at] = close[at] + values[_RESISTANCE] * values[_ATR]
