"""Market views for the rules: all coins measured at each close in one call."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from itertools import chain, repeat
from math import nan
from typing import NamedTuple

import numpy as np

from crypto_bot.domain.candle import Candle
from crypto_bot.domain.market import Bar, MarketView
from crypto_bot.domain.timeframe import Timeframe
from crypto_bot.features.compiled import compiled
from crypto_bot.features.measurement import COLUMNS, measure, measure_trend
from crypto_bot.features.memory import (
    BASE_WINDOW,
    OPEN_MS,
    CandleMemory,
    Level,
    absorb,
    empty_memory,
    forget,
)
from crypto_bot.market_data.candle_table import CandleTable
from crypto_bot.market_data.observations import Floats, Integers

HIGHER_LEVELS = 4
_TREND_BASE = COLUMNS.index("trend_base")
_TREND = len(COLUMNS)
_KEPT = {"5m": 64, "15m": 64, "1h": 64, "4h": 48, "1d": 30, "1w": 8}
"""Closed candles that are measured of each higher timeframe: weeks are few, so that a first start
has little to fetch (nine weeks of 15m candles)."""
_SPANS = (8, 21)
_WEEKLY_SPANS = (3, 6)


class RuleViews:
    """Measures coins at each close; the `MarketViews` of the rule sources.

    Every value is a pure function of the newest closed candles of its timeframe (256 of the base
    one, `_KEPT` of the higher ones) since the coin's last gap, computed afresh from that window:
    how the candles arrive, at once or one by one, before or after a restart, changes no bit.
    A higher candle exists once all its base candles did; the open one is never seen.
    """

    def __init__(self, symbols: Sequence[str], timeframe: Timeframe) -> None:
        levels = _levels(timeframe)
        self._rows = {symbol: row for row, symbol in enumerate(symbols)}
        self._memory = empty_memory(len(symbols), timeframe, levels)
        self._bars = np.empty(len(symbols), np.int64)
        self._values = np.empty((len(COLUMNS) + 1 + HIGHER_LEVELS, len(symbols)))
        self._asked: tuple[str, ...] = ()
        self._asked_rows = np.empty(0, np.int64)
        # one candle more than is measured: at worst, all but one part of the open one is there too
        reach = [(level.window + 1) * (level.timeframe.ms // timeframe.ms) for level in levels]
        self.history_bars = max(BASE_WINDOW, *reach)

    def preload(self, symbol: str, candles: Sequence[Candle]) -> None:
        _preload(self._memory, self._rows[symbol], _table(candles))

    def update(self, bar: Bar) -> dict[str, MarketView]:
        """Raises ValueError if a candle is not newer than the one before it."""
        symbols = tuple(bar.candles)
        if symbols != self._asked:
            self._asked_rows = np.array([self._rows[symbol] for symbol in symbols], np.int64)
            self._asked = symbols
        table = _table(bar.candles.values())
        old = _update(self._memory, self._asked_rows, table, self._bars, self._values)
        if old >= 0:
            raise ValueError(f"{symbols[old]}: candle {table[old, OPEN_MS]:.0f} is not a new one")
        count = len(symbols)
        rows = zip(
            symbols,
            repeat(bar.open_ms),
            self._bars[:count].tolist(),
            *self._values[:, :count].tolist(),
            strict=False,  # the second never ends
        )
        return dict(zip(symbols, map(MarketView._make, rows), strict=True))


class ViewColumns(NamedTuple):
    """The fields of the same names of a `MarketView` at each candle of one coin, [n] each."""

    bars: Integers
    close: Floats
    atr: Floats
    rsi: Floats
    ema_20: Floats
    change_14: Floats
    trend_base: Floats
    structure: Floats
    support: Floats
    resistance: Floats
    macd_histogram: Floats
    volatility_ratio: Floats
    volume_ratio: Floats
    volume_balance: Floats
    trend: Floats


def view_columns(timeframe: Timeframe, coin: CandleTable, first: int) -> ViewColumns:
    """What `RuleViews` measures at each candle from the place `first` on, by the same kernel.

    To the bit, where `RuleViews.history_bars` candles or all that there were stand before it.
    """
    memory = empty_memory(1, timeframe, _levels(timeframe))
    count = coin.open_ms.size - first
    bars, values = np.empty(count, np.int64), np.empty((count, len(COLUMNS) + 1 + HIGHER_LEVELS))
    table = np.column_stack((coin.open_ms.astype(np.float64), coin.candles))
    _preload(memory, 0, table[:first])
    _measure_all(memory, table[first:], bars, values)
    return ViewColumns(bars, *np.ascontiguousarray(values[:, : _TREND + 1].T))


def _levels(timeframe: Timeframe) -> list[Level]:
    return [level_of(higher) for higher in timeframe.higher(HIGHER_LEVELS)]


def level_of(timeframe: Timeframe) -> Level:
    """The candles and the averages by which the trend of a higher timeframe is measured."""
    spans = _WEEKLY_SPANS if timeframe.name == "1w" else _SPANS
    return Level(timeframe, _KEPT[timeframe.name], *spans)


def _table(candles: Collection[Candle]) -> Floats:
    """Candles as rows `[open_ms, open, high, low, close, volume]`."""
    columns = len(Candle._fields)
    flat = np.fromiter(chain.from_iterable(candles), np.float64, columns * len(candles))
    return flat.reshape(-1, columns)


@compiled
def _preload(memory: CandleMemory, row: int, table: Floats) -> None:
    forget(memory, row)
    for at in range(table.shape[0]):
        absorb(memory, row, table[at])


@compiled
def _update(
    memory: CandleMemory, rows: Integers, table: Floats, bars: Integers, values: Floats
) -> int:
    """Adds and measures one candle of each coin in `rows`; writes (at) and (column, at).

    Returns the place in `rows` of the first candle that is not new, with nothing taken in, or -1.
    """
    for at in range(rows.shape[0]):
        if table[at, OPEN_MS] <= memory.newest_open[rows[at]]:
            return at
    for at in range(rows.shape[0]):
        bars[at] = _measure(memory, rows[at], table[at], values[:, at])
    return -1


@compiled
def _measure_all(memory: CandleMemory, table: Floats, bars: Integers, values: Floats) -> None:
    for at in range(table.shape[0]):
        bars[at] = _measure(memory, 0, table[at], values[at])


@compiled
def _measure(memory: CandleMemory, row: int, candle: Floats, values: Floats) -> int:
    """Adds one candle and measures its coin; returns the number of candles measured."""
    absorb(memory, row, candle)
    end = memory.filled[row]
    start = max(0, end - BASE_WINDOW)
    series = memory.series[row]
    measure(
        series[0, start:end],
        series[1, start:end],
        series[2, start:end],
        series[3, start:end],
        values,
    )
    _add_trends(memory, row, values)
    return int(end - start)


@compiled
def _add_trends(memory: CandleMemory, row: int, values: Floats) -> None:
    """Fills `values` after `COLUMNS`: the mean of the known trends, then that of each level.

    A level is measured again only after one of its candles has closed.
    """
    total, known = 0.0, 0
    if not np.isnan(values[_TREND_BASE]):
        total, known = values[_TREND_BASE], 1
    values[_TREND + 1 :] = nan
    for level in range(memory.span_ms.shape[0]):
        if memory.changed[row, level]:
            memory.changed[row, level] = False
            memory.trend[row, level] = _level_trend(memory, row, level)
        trend = memory.trend[row, level]
        values[_TREND + 1 + level] = trend
        if not np.isnan(trend):
            total += trend
            known += 1
    values[_TREND] = total / known if known > 0 else nan


@compiled
def _level_trend(memory: CandleMemory, row: int, level: int) -> float:
    end = memory.higher_filled[row, level]
    start = max(0, end - memory.window[level])
    series = memory.higher[row, level]
    return measure_trend(
        series[0, start:end],
        series[1, start:end],
        series[2, start:end],
        memory.fast[level],
        memory.slow[level],
    )
