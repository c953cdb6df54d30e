"""Rows measured from a table of the most recent candles: for indicators of a library.

`ta` computes whole columns and cannot add a candle. Time is cut into blocks of `BLOCK_BARS` bars
since the epoch, and a row is measured from the begin of the block before its own, or from the last
gap, up to its candle: from the same candles live, in replay and for a whole history.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np

from crypto_bot.features.indicators import LIMIT
from crypto_bot.features.per_coin_v2.memory import BAR, RUN
from crypto_bot.features.windows import Feed
from crypto_bot.market_data.observations import Booleans, Floats, Integers

BLOCK_BARS = 400
HISTORY_BARS = 2 * BLOCK_BARS

Measure = Callable[[Floats, Floats, Booleans], Floats]
"""Rows (n, columns) of candles (n, 5) that follow one another, the values of the optional groups
(n, groups) and whether each is known; a row may depend on itself and those before it alone."""


class Recent(NamedTuple):
    """State of each coin; the first axis counts coins."""

    marks: Integers  # last bar, candles since the last gap
    candles: Floats  # (coins, HISTORY_BARS, 5), the newest last, as are the others
    extras: Floats
    known: Booleans


def new_recent(coins: int, groups: int) -> Recent:
    """An empty state."""
    return Recent(
        np.zeros((coins, 2), np.int64),
        np.zeros((coins, HISTORY_BARS, 5)),
        np.zeros((coins, HISTORY_BARS, groups)),
        np.zeros((coins, HISTORY_BARS, groups), np.bool_),
    )


def advance_recent(
    memory: Recent, coin: int, feed: Feed, rows: Floats, valid: Booleans, *, measure: Measure
) -> None:
    """Processes the candles of one coin; fills `rows` (NaN where not `valid`). See `batch`.

    Another market begins as after a gap: its volume is not comparable with that before.
    """
    marks, *tables = (each[coin] for each in memory)
    for part in runs(feed):
        first = int(feed.bars[part.start])
        follows = first == marks[BAR] + 1 and not feed.cuts[part.start]
        before = int(marks[RUN]) if follows else 0
        kept = min(before, HISTORY_BARS)
        news = feed.candles[part], feed.extras[part], feed.known[part]
        whole = [
            np.concatenate((table[HISTORY_BARS - kept :], new))
            for table, new in zip(tables, news, strict=True)
        ]
        count = part.stop - part.start
        valid[part] = before + 1 + np.arange(count) >= feed.warm_up
        found = np.concatenate(
            [
                measure(*(each[since:until] for each in whole))[new - since :]
                for since, new, until in _blocks(first - kept, kept, count)
            ]
        )
        rows[part] = np.where(valid[part, None], found, np.nan)
        marks[BAR], marks[RUN] = first + count - 1, before + count
        for table, each in zip(tables, whole, strict=True):
            newest = each[-HISTORY_BARS:]
            table[HISTORY_BARS - newest.shape[0] :] = newest


def relative(value: Floats, scale: Floats) -> Floats:
    """`value / scale - 1` [n], bounded; 0 where there is no scale."""
    found = np.divide(value, scale, out=np.ones_like(value), where=scale > 0.0)
    return np.clip(found - 1.0, -LIMIT, LIMIT)


def log_relative(value: Floats, scale: Floats) -> Floats:
    """`log(value / scale)` [n], bounded; 0 where there is no scale, -LIMIT for no value."""
    found = np.divide(value, scale, out=np.ones_like(value), where=scale > 0.0)
    return np.clip(np.log(np.maximum(found, np.exp(-LIMIT))), -LIMIT, LIMIT)


def runs(feed: Feed) -> Iterator[slice]:
    """The stretches of candles that follow one another in one market."""
    begins = np.ones(feed.bars.size, np.bool_)
    begins[1:] = (np.diff(feed.bars) != 1) | feed.cuts[1:]
    ends = np.append(np.flatnonzero(begins), feed.bars.size)
    for since, until in zip(ends[:-1].tolist(), ends[1:].tolist(), strict=True):
        yield slice(since, until)


def _blocks(first: int, kept: int, count: int) -> Iterator[tuple[int, int, int]]:
    """Of each block with new rows the place from which it is measured, its first new one, its end.

    Places among `kept` rows, of which the first is of bar `first`, and `count` new ones.
    """
    new = kept
    while new < kept + count:
        block = (first + new) // BLOCK_BARS
        until = min((block + 1) * BLOCK_BARS - first, kept + count)
        yield max((block - 1) * BLOCK_BARS - first, 0), new, until
        new = until
