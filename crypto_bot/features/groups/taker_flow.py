"""Who buys, and how large trades are, relative to the day before.

Of the candle itself and those before it, where the exchange says how they were traded.
"""

from __future__ import annotations

import numpy as np

from crypto_bot.features.groups.group import FeatureGroup
from crypto_bot.features.groups.movement import log, mean, rank
from crypto_bot.market_data.observations import Floats, SeriesColumn

DAY_BARS = 96
_SHARE = 10.0


def _measure(values: Floats) -> Floats:
    share, size = values[:, 0], log(values[:, 1])
    usual_share, usual_size = mean(share, DAY_BARS), mean(size, DAY_BARS)
    return np.column_stack(
        [
            _SHARE * (mean(share, 4) - usual_share),
            _SHARE * (mean(share, 16) - usual_share),
            rank(share, DAY_BARS),
            mean(size, 4) - usual_size,
            rank(size, DAY_BARS),
        ]
    )


TAKER_FLOW = FeatureGroup(
    name="taker_flow",
    columns=("taker_share_4", "taker_share_16", "taker_rank", "trade_size_4", "trade_size_rank"),
    series=(
        SeriesColumn("taker_share", 0, "the share of the volume that takers bought"),
        SeriesColumn("trade_size", 0, "the mean size of a trade"),
    ),
    measure=_measure,
    parameters={"day": DAY_BARS, "share": _SHARE},
)
