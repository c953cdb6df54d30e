"""`per_coin_v2`: features relative to price and volatility, of one coin and the leader."""

from __future__ import annotations

import numpy as np

from crypto_bot.features import leader
from crypto_bot.features.averages import ANCHOR_BARS, PARAMETERS
from crypto_bot.features.compiled import compiled
from crypto_bot.features.indicators import LIMIT
from crypto_bot.features.per_coin_v2 import context, memory, microstructure
from crypto_bot.features.per_coin_v2.clock import CLOCK, CLOCK_WAVES, write_clock
from crypto_bot.features.per_coin_v2.context import CONTEXT, write_context
from crypto_bot.features.per_coin_v2.memory import RUN, VOLUME_RUN, Memory, of_coin, record
from crypto_bot.features.per_coin_v2.microstructure import MICROSTRUCTURE, write_microstructure
from crypto_bot.features.per_coin_v2.price_action import BASE, write_base
from crypto_bot.features.sets import FeatureSet, Heads
from crypto_bot.features.windows import Feed
from crypto_bot.market_data.observations import Booleans, Floats, Integers

COLUMNS = (*BASE, *CONTEXT, *MICROSTRUCTURE, *CLOCK, *CLOCK_WAVES)
COMPLETE_BARS = ANCHOR_BARS
"""Candles since the last gap with which no column is masked any more: what is longer (30 days at
15 minutes) holds what there is."""
VOLUME_COMPLETE_BARS = 672
"""The same for what is made of volume, since the market last changed."""
HISTORY_BARS = 2976
"""A row depends on at most so many candles, its own included: 2880 for the longest window, 16 for
the returns in it, and to spare for the averages (a week of them, each with 1601 candles)."""
_NEEDED = {
    "ema_200_distance": 400,  # two spans: the initial value weighs 2 %
    "atr_week": 672,
    "closed_16_stretch": 384,
    "closed_96_return": 192,
    "closed_96_stretch": COMPLETE_BARS,
    "ret_288": 289,
    "ret_672": 673,
    "ret_2880": COMPLETE_BARS,
    "below_high_672": 672,
    "above_low_672": 672,
    "place_in_672": 672,
    "below_high_2880": COMPLETE_BARS,
    "above_low_2880": COMPLETE_BARS,
    "place_in_2880": COMPLETE_BARS,
    "sd_96_672": 673,
    "sd_672_2880": COMPLETE_BARS,
    "sd_4_672": 673,
    "autocorrelation_672": 674,
    "autocorrelation_4_672": 680,
    "variance_ratio_4": 676,
    "variance_ratio_16": COMPLETE_BARS,
    "vwap_distance_672": 672,
    "illiquidity_16_672": 673,
    "volume_96_672": 672,
    "semivariance_672": 673,
    "since_jump": 768,  # 96 to find a jump, 672 to find that there was none
    "jump_echo": 768,
}
"""Candles that the windows of a column hold; 100, the least warm-up, are enough for the others."""
_BARS = np.array([_NEEDED.get(name, 0) for name in COLUMNS], np.int64)
_OF_VOLUME = ("vwap_distance_672", "illiquidity_16_672", "volume_96_672")
_VOLUME_BARS = np.array(
    [VOLUME_COMPLETE_BARS if name in _OF_VOLUME else 0 for name in COLUMNS], np.int64
)
_BEYOND_LEADER = BASE.index("ret_16_beyond_lead")
_CONTEXT = len(BASE)
_MICROSTRUCTURE = _CONTEXT + len(CONTEXT)
_CLOCK = _MICROSTRUCTURE + len(MICROSTRUCTURE)


@compiled
def advance(memory: Memory, coin: int, feed: Feed, rows: Floats, valid: Booleans) -> None:
    """Processes the candles of one coin; fills `rows` (NaN where not `valid`). See `batch`."""
    own = of_coin(memory, coin)
    volume_warm_up = min(VOLUME_COMPLETE_BARS, feed.warm_up)
    for i in range(feed.bars.shape[0]):
        bar = feed.bars[i]
        record(own, bar, feed.candles[i], feed.cuts[i])
        valid[i] = own.marks[RUN] >= feed.warm_up and own.marks[VOLUME_RUN] >= volume_warm_up
        if not valid[i]:
            rows[i, :] = np.nan
            continue
        close_ms = (bar + 1) * feed.step_ms
        write_base(own, bar, close_ms, feed.extras[i], rows[i, :_CONTEXT])
        if not feed.known[i, 0]:  # the other columns of the leader are 0 as they come
            rows[i, _BEYOND_LEADER] = 0.0
        write_context(own, bar, rows[i, _CONTEXT:_MICROSTRUCTURE])
        write_microstructure(own, bar, rows[i, _MICROSTRUCTURE:_CLOCK])
        write_clock(close_ms, rows[i, _CLOCK:])
        _mask_incomplete(own.marks, rows[i])


@compiled
def _mask_incomplete(marks: Integers, row: Floats) -> None:
    """Zeros in the columns whose windows are not complete."""
    if marks[RUN] >= COMPLETE_BARS and marks[VOLUME_RUN] >= VOLUME_COMPLETE_BARS:
        return
    for k in range(row.shape[0]):
        if marks[RUN] < _BARS[k] or marks[VOLUME_RUN] < _VOLUME_BARS[k]:
            row[k] = 0.0


_BOTH = COLUMNS[: -len(CLOCK) - len(CLOCK_WAVES)]
PER_COIN_V2 = FeatureSet(
    name="per_coin_v2",
    version=1,
    columns=COLUMNS,
    warm_up_limit=COMPLETE_BARS,
    history_bars=HISTORY_BARS,
    new_memory=memory.new_memory,
    advance=advance,
    recent_return="ret_4",
    leader=leader.LEADER,
    seasonal=("week_place", "hour_place", "ret_1", "atr_week"),
    readers={
        "trees": Heads((*_BOTH, *CLOCK), _BOTH),
        "network": Heads((*_BOTH, *CLOCK[2:4], *CLOCK_WAVES), _BOTH),
    },
    parameters={
        **PARAMETERS,
        "warm_up": [COMPLETE_BARS, VOLUME_COMPLETE_BARS],
        "widths": memory.WIDTHS,
        "blocks": context.BLOCKS,
        "jump": [memory.JUMP_SD, microstructure.JUMP_MEMORY],
        "streak": memory.STREAK_CAP,
        "limit": LIMIT,
        "lead": leader.SPANS,
    },
)
