"""Sums and maxima over moving windows that do not depend on where the series began."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from crypto_bot.domain.timeframe import Timeframe
from crypto_bot.features.compiled import compiled
from crypto_bot.market_data.observations import Booleans, Column, Floats, Integers

OPEN, HIGH, LOW, CLOSE, VOLUME = range(5)
"""Columns of a candle."""
SERIES, SPAN, START, WIDTH = range(4)
"""Columns of a plan: which series, the number of its window, its place in the buffer, its bars."""


def plan(wanted: dict[int, tuple[int, ...]], widths: tuple[int, ...]) -> tuple[Integers, int]:
    """(rows of `SERIES, SPAN, START, WIDTH`, length of the buffer) of series -> window numbers."""
    rows, start = [], 0
    for series, spans in wanted.items():
        for span in spans:
            rows.append((series, span, start, widths[span]))
            start += widths[span]
    return np.array(rows, np.int64), start


class Feed(NamedTuple):
    """Kernel inputs of one coin; all arrays have the same length."""

    bars: Integers  # open times, counted in bars since the epoch
    candles: Floats  # (n, 5)
    cuts: Booleans  # the first candle of another market
    extras: Floats  # (n, columns of the optional groups), zeros where unknown
    known: Booleans  # (n, groups)
    step_ms: int
    warm_up: int  # candles of a run before a row is valid


def feed_of(
    bars: Integers, candles: Floats, extras: Column, timeframe: Timeframe, warm_up: int
) -> Feed:
    """A feed of one market."""
    cuts = np.zeros(bars.shape[0], np.bool_)
    return Feed(bars, candles, cuts, extras.values, extras.known, timeframe.ms, warm_up)


class Windows(NamedTuple):
    """Moving windows of several series; with a first axis for coins if there are many."""

    values: Floats  # this bar's value of each series
    buffer: Floats
    running: Floats  # (series, span): the part of the window in the current block
    held: Floats  # (series, span): the whole window


def empty_windows(coins: int, series: int, spans: int, length: int) -> Windows:
    """Windows of `coins` coins, all zero."""
    table = (coins, series, spans)
    return Windows(
        np.zeros((coins, series)), np.zeros((coins, length)), np.zeros(table), np.zeros(table)
    )


@compiled
def push_sums(rows: Integers, places: Integers, windows: Windows) -> None:
    """Adds the bar's `values` to every sum of the plan `rows`; `held` are then the sums.

    Time is cut into blocks as wide as the window, at multiples of its width since the epoch
    (`places` is the bar's place in its block, for each span). A window is the tail of the block
    before, summed from its end, plus the head of this one (M. van Herk 1992; J. Gil and M. Werman
    1993). So it costs one addition a bar, nothing is ever subtracted, and its bits depend on the
    bars inside it alone. A buffer of zeros gives windows that hold what there is.
    """
    values, buffer, running, held = windows
    for k in range(rows.shape[0]):
        series, span, start, width = rows[k]
        place = places[span]
        value = values[series]
        head = value if place == 0 else running[series, span] + value
        running[series, span] = head
        buffer[start + place] = value
        if place < width - 1:
            held[series, span] = buffer[start + place + 1] + head
            continue
        held[series, span] = head
        for i in range(start + width - 2, start - 1, -1):
            buffer[i] += buffer[i + 1]


@compiled
def push_maxima(rows: Integers, places: Integers, windows: Windows) -> None:
    """As `push_sums`, for the greatest value; an empty buffer holds minus infinity."""
    values, buffer, running, held = windows
    for k in range(rows.shape[0]):
        series, span, start, width = rows[k]
        place = places[span]
        value = values[series]
        head = value if place == 0 else max(running[series, span], value)
        running[series, span] = head
        buffer[start + place] = value
        if place < width - 1:
            held[series, span] = max(buffer[start + place + 1], head)
            continue
        held[series, span] = head
        for i in range(start + width - 2, start - 1, -1):
            buffer[i] = max(buffer[i], buffer[i + 1])


@compiled
def clear(rows: Integers, since: int, windows: Windows, empty: float) -> None:
    """Empties the windows of the series from `since` on."""
    for k in range(rows.shape[0]):
        series, span, start, width = rows[k]
        if series >= since:
            windows.buffer[start : start + width] = empty
            windows.running[series, span] = empty
