"""`per_coin_v2` as it is registered."""

from __future__ import annotations

from crypto_bot.features import leader
from crypto_bot.features.averages import PARAMETERS
from crypto_bot.features.indicators import LIMIT
from crypto_bot.features.per_coin_v2 import context, kernel, memory, microstructure
from crypto_bot.features.per_coin_v2.clock import CLOCK, CLOCK_WAVES
from crypto_bot.features.sets import FeatureSet, Heads

_BOTH = kernel.COLUMNS[: -len(CLOCK) - len(CLOCK_WAVES)]
PER_COIN_V2 = FeatureSet(
    name="per_coin_v2",
    version=1,
    columns=kernel.COLUMNS,
    warm_up_limit=kernel.COMPLETE_BARS,
    history_bars=kernel.HISTORY_BARS,
    new_memory=memory.new_memory,
    advance=kernel.advance,
    leader=leader.LEADER,
    readers={
        "trees": Heads((*_BOTH, *CLOCK), _BOTH),
        "network": Heads((*_BOTH, *CLOCK[2:4], *CLOCK_WAVES), _BOTH),
    },
    parameters={
        **PARAMETERS,
        "warm_up": [kernel.COMPLETE_BARS, kernel.VOLUME_COMPLETE_BARS],
        "widths": memory.WIDTHS,
        "blocks": context.BLOCKS,
        "jump": [memory.JUMP_SD, microstructure.JUMP_MEMORY],
        "streak": memory.STREAK_CAP,
        "limit": LIMIT,
        "lead": leader.SPANS,
    },
)
