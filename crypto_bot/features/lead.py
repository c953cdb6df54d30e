"""The coin that leads the market, as the others see it: its returns at the same closes."""

from __future__ import annotations

from math import sqrt

from crypto_bot.features.averages import ANCHOR_BARS, ATR, OLDER
from crypto_bot.features.compiled import compiled
from crypto_bot.features.ratios import ratio
from crypto_bot.features.tape import (
    RUN,
    Tape,
    follow_price,
    log_return,
    of_coin,
)
from crypto_bot.features.windows import Floats, Integers

LEADER = "BTCUSDT"
SPANS = (1, 4, 16)
COLUMNS = 5
KNOWN, RETURN_1, RETURN_4, RETURN_16, LOG_RETURN_16 = range(COLUMNS)
"""1 where the rest is known; returns over 1, 4, 16 bars in own volatility; log return of 16."""


@compiled
def lead(tape: Tape, bars: Integers, candles: Floats, rows: Floats) -> None:
    """Takes the candles of the leader, alone on its tape, in.

    `rows` are (n, COLUMNS), zeros until it has warmed up.
    """
    own = of_coin(tape, 0)
    for i in range(bars.shape[0]):
        follow_price(own, bars[i], candles[i])
        rows[i, :] = 0.0
        if own.marks[RUN] < ANCHOR_BARS:
            continue
        share = own.averages[OLDER, ATR] / candles[i, 3]
        rows[i, KNOWN] = 1.0
        for k in range(3):
            moved = log_return(own, bars[i], 0, SPANS[k])
            rows[i, RETURN_1 + k] = ratio(moved, share * sqrt(float(SPANS[k])))
        rows[i, LOG_RETURN_16] = log_return(own, bars[i], 0, 16)
