"""How the implied volatility of bitcoin options changed, for every coin the same."""

from __future__ import annotations

import numpy as np

from crypto_bot.domain.instant import HOUR_MS
from crypto_bot.features.groups.group import FeatureGroup
from crypto_bot.features.groups.movement import change, log, rank
from crypto_bot.market_data.observations import Floats, SeriesColumn

RANK_BARS, RANK_STEP = 384, 4
_UNIT = 10.0


def _measure(values: Floats) -> Floats:
    level = _UNIT * log(values[:, 0])
    return np.column_stack(
        [*(change(level, bars) for bars in (4, 16, 96)), rank(level, RANK_BARS, RANK_STEP)]
    )


IMPLIED_VOLATILITY = FeatureGroup(
    name="implied_volatility",
    columns=("implied_change_4", "implied_change_16", "implied_change_96", "implied_rank"),
    series=(
        SeriesColumn("btc_implied_volatility", 3 * HOUR_MS, "the implied volatility of bitcoin"),
    ),
    measure=_measure,
    parameters={"rank": [RANK_BARS, RANK_STEP], "unit": _UNIT},
)
