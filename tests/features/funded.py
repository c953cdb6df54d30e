"""A small feature set that reads the leading coin and a data series: one file, one registration."""

from typing import NamedTuple

import numpy as np

from crypto_bot.domain.instant import HOUR_MS
from crypto_bot.features.leader import RETURN_1
from crypto_bot.features.sets import FeatureSet
from crypto_bot.features.windows import CLOSE, Feed
from crypto_bot.market_data.observations import Booleans, Floats, Integers, SeriesColumn

FUNDING = 4  # the extra column after those of the leader


class Memory(NamedTuple):
    marks: Integers
    closes: Floats


def new_memory(coins: int) -> Memory:
    return Memory(np.zeros((coins, 2), np.int64), np.zeros(coins))


def advance(memory: Memory, coin: int, feed: Feed, rows: Floats, valid: Booleans) -> None:
    marks = memory.marks[coin]
    for i, bar in enumerate(feed.bars):
        marks[1] = marks[1] + 1 if marks[1] and bar == marks[0] + 1 else 1
        marks[0] = bar
        close = feed.candles[i, CLOSE]
        valid[i] = marks[1] >= feed.warm_up
        rows[i] = np.nan
        if valid[i]:
            known = float(feed.known[i, 1])
            rows[i, 0] = np.log(close / memory.closes[coin])
            rows[i, 1:] = feed.extras[i, RETURN_1], feed.extras[i, FUNDING], known
        memory.closes[coin] = close


FUNDED = FeatureSet(
    name="funded",
    version=1,
    columns=("ret_1", "lead_ret_1", "funding", "funding_known"),
    warm_up_limit=3,
    history_bars=3_000,
    new_memory=new_memory,
    advance=advance,
    recent_return="ret_1",
    leader="BTCUSDT",
    series=(SeriesColumn("made_funding", 8 * HOUR_MS),),
)
