"""How the funding rate of the coin's perpetual contract changed."""

from __future__ import annotations

import numpy as np

from crypto_bot.domain.instant import HOUR_MS
from crypto_bot.features.groups.group import FeatureGroup
from crypto_bot.features.groups.movement import change, rank
from crypto_bot.market_data.observations import Floats, SeriesColumn

RANK_BARS, RANK_STEP = 384, 4
_BASIS_POINT = 1e4


def _measure(values: Floats) -> Floats:
    rate = _BASIS_POINT * values[:, 0]
    return np.column_stack([change(rate, 96), change(rate, 288), rank(rate, RANK_BARS, RANK_STEP)])


FUNDING = FeatureGroup(
    name="funding",
    columns=("funding_change_96", "funding_change_288", "funding_rank"),
    series=(SeriesColumn("funding", 9 * HOUR_MS, "the funding rate of the perpetual contract"),),
    measure=_measure,
    parameters={"rank": [RANK_BARS, RANK_STEP], "unit": _BASIS_POINT},
)
