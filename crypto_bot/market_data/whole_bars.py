"""Candles of a longer timeframe, made of closed candles of a shorter one."""

from __future__ import annotations

import numpy as np

from crypto_bot.domain.timeframe import Timeframe
from crypto_bot.market_data.candle_table import CandleTable


def whole_bars(table: CandleTable, timeframe: Timeframe, longer: Timeframe) -> CandleTable:
    """The candles of `longer` of which `table` has every part, without observations.

    `table` holds candles of `timeframe`, ascending. A bar that lacks one of them, at the ends of
    the table or in a gap, is left out: its open, extremes and volume would be those of another one.
    """
    parts = longer.ms // timeframe.ms
    bars = table.open_ms - (table.open_ms - longer.open_of(0)) % longer.ms
    first = np.flatnonzero(np.diff(bars, prepend=-1))
    count = np.diff(first, append=bars.size)
    first = first[count == parts]
    opened, high, low, close, volume = table.candles.T
    at = first[:, None] + np.arange(parts)
    made = (
        opened[first],
        high[at].max(axis=1, initial=-np.inf),
        low[at].min(axis=1, initial=np.inf),
        close[first + parts - 1],
        volume[at].sum(axis=1),
    )
    return CandleTable(bars[first], np.stack(made, axis=1))
