"""How the premium of the coin's perpetual contract over spot prices changed."""

from __future__ import annotations

import numpy as np

from crypto_bot.domain.instant import HOUR_MS
from crypto_bot.features.groups.group import FeatureGroup
from crypto_bot.features.groups.movement import change, rank
from crypto_bot.market_data.observations import Floats, SeriesColumn

RANK_BARS, RANK_STEP = 384, 4
_UNIT = 2e3
"""Of five basis points."""


def _measure(values: Floats) -> Floats:
    premium = _UNIT * values[:, 0]
    return np.column_stack(
        [
            *(change(premium, bars) for bars in (4, 16, 96)),
            rank(premium, RANK_BARS, RANK_STEP),
        ]
    )


PREMIUM = FeatureGroup(
    name="premium",
    columns=("premium_change_4", "premium_change_16", "premium_change_96", "premium_rank"),
    series=(SeriesColumn("premium_1h", 3 * HOUR_MS, "the premium of the perpetual contract"),),
    measure=_measure,
    parameters={"rank": [RANK_BARS, RANK_STEP], "unit": _UNIT},
)
