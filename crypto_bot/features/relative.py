"""`per_coin_v2`: features relative to price and volatility, of one coin beside the leader."""

from __future__ import annotations

import numpy as np

from crypto_bot.features.averages import ANCHOR_BARS
from crypto_bot.features.compiled import compiled
from crypto_bot.features.context import CONTEXT, write_context
from crypto_bot.features.hours import CLOCK, CLOCK_WAVES, write_clock
from crypto_bot.features.lead import KNOWN
from crypto_bot.features.microstructure import MICROSTRUCTURE, write_microstructure
from crypto_bot.features.shape import BASE, write_base
from crypto_bot.features.tape import RUN, VOLUME_RUN, Tape, of_coin, record
from crypto_bot.features.windows import Booleans, Feed, Floats

COLUMNS = (*BASE, *CONTEXT, *MICROSTRUCTURE, *CLOCK, *CLOCK_WAVES)
WARM_UP_BARS = ANCHOR_BARS
"""Candles since the last gap, of the coin and of the leader, before a row is valid."""
VOLUME_WARM_UP_BARS = 672
"""Candles since the market last changed before a row is valid."""
HISTORY_BARS = 2976
"""A row depends on at most so many candles, its own included: 2880 for the longest window, 16 for
the returns in it, and to spare for the averages (a week of them, each with 1601 candles)."""
_CONTEXT = len(BASE)
_MICROSTRUCTURE = _CONTEXT + len(CONTEXT)
_CLOCK = _MICROSTRUCTURE + len(MICROSTRUCTURE)


@compiled
def advance(tape: Tape, coin: int, feed: Feed, rows: Floats, valid: Booleans) -> None:
    """Takes the candles of one coin in; fills `rows` (NaN where not `valid`). See `kernel`."""
    own = of_coin(tape, coin)
    for i in range(feed.bars.shape[0]):
        bar = feed.bars[i]
        record(own, bar, feed.candles[i], feed.cuts[i])
        valid[i] = (
            own.marks[RUN] >= WARM_UP_BARS
            and own.marks[VOLUME_RUN] >= VOLUME_WARM_UP_BARS
            and feed.leads[i, KNOWN] > 0.0
        )
        if not valid[i]:
            rows[i, :] = np.nan
            continue
        close_ms = (bar + 1) * feed.step_ms
        write_base(own, bar, close_ms, feed.leads[i], rows[i, :_CONTEXT])
        write_context(own, bar, rows[i, _CONTEXT:_MICROSTRUCTURE])
        write_microstructure(own, bar, rows[i, _MICROSTRUCTURE:_CLOCK])
        write_clock(close_ms, rows[i, _CLOCK:])
