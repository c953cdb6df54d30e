"""Features of the leading coin for the other coins: its returns at the same closes."""

from __future__ import annotations

from math import sqrt

import numpy as np

from crypto_bot.features.averages import ATR, OLDER
from crypto_bot.features.compiled import compiled
from crypto_bot.features.indicators import ratio
from crypto_bot.features.per_coin_v2.memory import (
    RUN,
    Memory,
    follow_price,
    log_return,
    new_memory,
    of_coin,
)
from crypto_bot.features.windows import Feed
from crypto_bot.market_data.observations import Booleans, Floats, Observations

LEADER = "BTCUSDT"
SPANS = (1, 4, 16)
COLUMNS = 4
RETURN_1, RETURN_4, RETURN_16, LOG_RETURN_16 = range(COLUMNS)
"""Returns over 1, 4, 16 bars in own volatility; log return of 16."""


def observations(feed: Feed) -> Observations:
    """The leader's rows (n, COLUMNS), each known at the close of its candle."""
    rows = np.empty((feed.bars.shape[0], COLUMNS))
    known = np.empty(feed.bars.shape[0], np.bool_)
    follow(new_memory(1), feed, rows, known)
    return Observations((feed.bars[known] + 1) * feed.step_ms, rows[known])


@compiled
def follow(memory: Memory, feed: Feed, rows: Floats, known: Booleans) -> None:
    """Processes the candles of the leader.

    Fills `rows` (n, COLUMNS), zeros where not `known` (n,): until it has warmed up.
    """
    own = of_coin(memory, 0)
    for i in range(feed.bars.shape[0]):
        bar = feed.bars[i]
        follow_price(own, bar, feed.candles[i])
        rows[i, :] = 0.0
        known[i] = own.marks[RUN] >= feed.warm_up
        if not known[i]:
            continue
        share = own.averages[OLDER, ATR] / feed.candles[i, 3]
        for k in range(3):
            moved = log_return(own, bar, 0, SPANS[k])
            rows[i, RETURN_1 + k] = ratio(moved, share * sqrt(float(SPANS[k])))
        rows[i, LOG_RETURN_16] = log_return(own, bar, 0, 16)
