"""State of each coin for `per_coin_v2`, and its update by one candle."""

from __future__ import annotations

from math import log, sqrt
from typing import NamedTuple

import numpy as np

from crypto_bot.features.averages import ATR, COUNT, OLDER, average_step, begin_averages
from crypto_bot.features.compiled import compiled
from crypto_bot.features.windows import (
    CLOSE,
    HIGH,
    LOW,
    OPEN,
    Windows,
    clear,
    empty_windows,
    plan,
    push_maxima,
    push_sums,
)
from crypto_bot.market_data.observations import Floats, Integers

WIDTHS = (4, 16, 96, 672, 2880)
"""Bars of the windows; at 15 minutes an hour, four hours, a day, a week and 30 days."""
W4, W16, W96, W672, W2880 = range(5)
LONG_BARS = WIDTHS[W2880]

(
    SQUARE,
    SQUARE_4,
    SQUARE_16,
    RISE_SQUARE,
    PATH,
    PRODUCT,
    PRODUCT_4,
    BIPOWER,
    SHARE_ATR,
    WICKS,
    CLV,
    PARKINSON,
    GARMAN_KLASS,
    VOLUME,
    VOLUME_SQUARE,
    TRADED,
    TRADED_PATH,
    TRADED_SQUARE,
    LOG_VOLUME,
    LOG_VOLUME_SQUARE,
    PATH_LOG_VOLUME,
    SIGNED_VOLUME,
    CLV_VOLUME,
    RETURN_VOLUME,
    TURNOVER,
    ILLIQUIDITY,
) = range(26)
"""Series that are summed; from VOLUME on they restart where the market changes. TRADED counts
bars with volume, the five after it are of those alone."""
ROWS, LENGTH = plan(
    {
        SQUARE: (W4, W16, W96, W672, W2880),
        SQUARE_4: (W672,),
        SQUARE_16: (W2880,),
        RISE_SQUARE: (W16, W96, W672),
        PATH: (W16, W96),
        PRODUCT: (W96, W672),
        PRODUCT_4: (W672,),
        BIPOWER: (W16, W96),
        SHARE_ATR: (W672,),
        WICKS: (W4, W16, W96),
        CLV: (W4, W16),
        PARKINSON: (W4, W16, W96),
        GARMAN_KLASS: (W96,),
        VOLUME: (W4, W16, W96, W672),
        VOLUME_SQUARE: (W96,),
        TRADED: (W96,),
        TRADED_PATH: (W96,),
        TRADED_SQUARE: (W96,),
        LOG_VOLUME: (W96,),
        LOG_VOLUME_SQUARE: (W96,),
        PATH_LOG_VOLUME: (W96,),
        SIGNED_VOLUME: (W4, W16, W96),
        CLV_VOLUME: (W4, W16, W96),
        RETURN_VOLUME: (W16,),
        TURNOVER: (W96, W672),
        ILLIQUIDITY: (W16, W672),
    },
    WIDTHS,
)
TOP, BOTTOM, BEST, WORST = range(4)
"""Series whose maximum is kept: log high, minus log low, r, minus r."""
TOP_ROWS, TOP_LENGTH = plan(
    {TOP: (W96, W672, W2880), BOTTOM: (W96, W672, W2880), BEST: (W96,), WORST: (W96,)}, WIDTHS
)

BAR, RUN, VOLUME_RUN, JUMP_BAR, JUMP_SIGN, STREAK = range(6)
"""Marks: the last bar and the candles since the last gap (first in the memory of every set);
candles since the market last changed; bar and sign of the last jump; signed count of bars in a row
whose returns have one sign, at most `STREAK_CAP`."""
STREAK_CAP = 10
JUMP_SD = 4.0
NEVER = -(1 << 40)
RING = 4096
PLACE = RING - 1
SHORT_RING = 32
SHORT_PLACE = SHORT_RING - 1


class Memory(NamedTuple):
    """The first axis counts coins; rings are indexed by bar number modulo their length."""

    marks: Integers
    averages: Floats
    logs: Floats  # log closes
    recent: Floats  # open, high, low, close, volume of the last bars
    sums: Windows
    tops: Windows


def new_memory(coins: int) -> Memory:
    """An empty state, 0.3 MB a coin."""
    spans = len(WIDTHS)
    return Memory(
        np.zeros((coins, 6), np.int64),
        np.zeros((coins, 2, COUNT)),
        np.zeros((coins, RING)),
        np.zeros((coins, SHORT_RING, 5)),
        empty_windows(coins, ILLIQUIDITY + 1, spans, LENGTH),
        empty_windows(coins, WORST + 1, spans, TOP_LENGTH),
    )


@compiled
def of_coin(memory: Memory, coin: int) -> Memory:
    """Views of the arrays of one coin."""
    return Memory(
        memory.marks[coin],
        memory.averages[coin],
        memory.logs[coin],
        memory.recent[coin],
        _windows_of(memory.sums, coin),
        _windows_of(memory.tops, coin),
    )


@compiled
def _windows_of(windows: Windows, coin: int) -> Windows:
    return Windows(
        windows.values[coin], windows.buffer[coin], windows.running[coin], windows.held[coin]
    )


@compiled
def record(memory: Memory, bar: int, candle: Floats, cut: bool) -> None:
    """Adds one candle of one coin; `cut`: it is the first of another market."""
    follow_price(memory, bar, candle)
    if cut:
        memory.marks[VOLUME_RUN] = 0
        clear(ROWS, VOLUME, memory.sums, 0.0)
    memory.marks[VOLUME_RUN] += 1
    _measure_prices(memory, bar, candle)
    _measure_volume(memory, bar, candle)
    places = np.empty(len(WIDTHS), np.int64)
    for span in range(len(WIDTHS)):
        places[span] = bar % WIDTHS[span]
    push_sums(ROWS, places, memory.sums)
    push_maxima(TOP_ROWS, places, memory.tops)
    _follow_moves(memory, bar)


@compiled
def follow_price(memory: Memory, bar: int, candle: Floats) -> None:
    """The part of `record` for log returns and averages; restarts after a gap."""
    marks = memory.marks
    follows = marks[RUN] > 0 and bar == marks[BAR] + 1
    if not follows:
        _forget(memory)
    marks[BAR] = bar
    marks[RUN] += 1
    memory.logs[bar & PLACE] = log(candle[CLOSE])
    memory.recent[bar & SHORT_PLACE] = candle
    if follows:
        before = memory.recent[(bar - 1) & SHORT_PLACE, CLOSE]
        average_step(memory.averages, bar, candle, before)
    else:
        begin_averages(memory.averages, candle)


@compiled
def _forget(memory: Memory) -> None:
    memory.marks[RUN] = 0
    memory.marks[VOLUME_RUN] = 0
    memory.marks[JUMP_BAR] = NEVER
    memory.marks[STREAK] = 0
    clear(ROWS, 0, memory.sums, 0.0)
    clear(TOP_ROWS, 0, memory.tops, -np.inf)


@compiled
def log_return(memory: Memory, bar: int, ago: int, over: int) -> float:
    """Log change of close over `over` bars up to `ago` bars ago; 0 where the run is too short."""
    if memory.marks[RUN] <= ago + over:
        return 0.0
    moved: float = memory.logs[(bar - ago) & PLACE] - memory.logs[(bar - ago - over) & PLACE]
    return moved


@compiled
def deviation(memory: Memory, bar: int, span: int) -> float:
    """Standard deviation of r over the window, or over the part that the run has."""
    count = min(WIDTHS[span], memory.marks[RUN] - 1)
    if count < 2:
        return 0.0
    mean = log_return(memory, bar, 0, count) / count
    spread: float = memory.sums.held[SQUARE, span] / count - mean * mean
    return sqrt(max(spread, 0.0))


@compiled
def _measure_prices(memory: Memory, bar: int, candle: Floats) -> None:
    values = memory.sums.values
    opened, high, low, close = candle[OPEN], candle[HIGH], candle[LOW], candle[CLOSE]
    r = log_return(memory, bar, 0, 1)
    r_before = log_return(memory, bar, 1, 1)
    r_4 = log_return(memory, bar, 0, 4)
    r_16 = log_return(memory, bar, 0, 16)
    values[SQUARE] = r * r
    values[SQUARE_4] = r_4 * r_4
    values[SQUARE_16] = r_16 * r_16
    values[RISE_SQUARE] = r * r if r > 0.0 else 0.0
    values[PATH] = abs(r)
    values[PRODUCT] = r * r_before
    values[PRODUCT_4] = r_4 * log_return(memory, bar, 4, 4)
    values[BIPOWER] = abs(r) * abs(r_before)
    values[SHARE_ATR] = memory.averages[OLDER, ATR] / close
    reach = high - low
    lower, upper = min(opened, close) - low, high - max(opened, close)
    values[WICKS] = (lower - upper) / reach if reach > 0.0 else 0.0
    values[CLV] = (2.0 * close - high - low) / reach if reach > 0.0 else 0.0
    spread, body = log(high / low), log(close / opened)
    values[PARKINSON] = spread * spread
    values[GARMAN_KLASS] = 0.5 * spread * spread - (2.0 * log(2.0) - 1.0) * body * body
    extremes = memory.tops.values
    extremes[TOP] = log(high)
    extremes[BOTTOM] = -log(low)
    extremes[BEST] = r
    extremes[WORST] = -r


@compiled
def _measure_volume(memory: Memory, bar: int, candle: Floats) -> None:
    values = memory.sums.values
    high, low, close, volume = candle[HIGH], candle[LOW], candle[CLOSE], candle[-1]
    r = log_return(memory, bar, 0, 1)
    traded = 1.0 if volume > 0.0 else 0.0
    log_volume = log(volume) if volume > 0.0 else 0.0
    values[VOLUME] = volume
    values[VOLUME_SQUARE] = volume * volume
    values[TRADED] = traded
    values[TRADED_PATH] = traded * abs(r)
    values[TRADED_SQUARE] = traded * r * r
    values[LOG_VOLUME] = log_volume
    values[LOG_VOLUME_SQUARE] = log_volume * log_volume
    values[PATH_LOG_VOLUME] = abs(r) * log_volume
    values[SIGNED_VOLUME] = volume * np.sign(r)
    values[CLV_VOLUME] = volume * values[CLV]
    values[RETURN_VOLUME] = volume * r
    values[TURNOVER] = volume * (high + low + close) / 3.0
    values[ILLIQUIDITY] = abs(r) / (volume * close) if volume > 0.0 else 0.0


@compiled
def _follow_moves(memory: Memory, bar: int) -> None:
    """The last jump, and the run of returns of one sign."""
    marks = memory.marks
    r = memory.tops.values[BEST]
    sign = int(np.sign(r))
    if sign * marks[STREAK] > 0:
        marks[STREAK] = max(-STREAK_CAP, min(STREAK_CAP, marks[STREAK] + sign))
    else:
        marks[STREAK] = sign
    if marks[RUN] > WIDTHS[W96] and abs(r) > JUMP_SD * deviation(memory, bar, W96):
        marks[JUMP_BAR] = bar
        marks[JUMP_SIGN] = sign
