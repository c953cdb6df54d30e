"""How near scheduled releases are: consumer prices, payrolls, decisions of the Fed.

Of the move head alone: a date says nothing of the direction.
"""

from __future__ import annotations

import numpy as np

from crypto_bot.domain.instant import MINUTE_MS
from crypto_bot.features.groups.group import FeatureGroup
from crypto_bot.features.groups.movement import newest
from crypto_bot.market_data.observations import Floats, SeriesColumn

_STEP_MS = 15 * MINUTE_MS
_FADING_H = 6.0
_HORIZON_H = 1.0


def _measure(values: Floats) -> Floats:
    ahead, past = newest(values[:, 0]), newest(values[:, 1])
    soon = np.where(np.isfinite(ahead), (ahead < _HORIZON_H).astype(np.float64), np.nan)
    return np.column_stack([np.exp(-ahead / _FADING_H), np.exp(-past / _FADING_H), soon])


RELEASES = FeatureGroup(
    name="releases",
    columns=("release_ahead", "release_past", "release_within_hour"),
    series=(
        SeriesColumn("hours_to_release", _STEP_MS, "the date of the next scheduled release"),
        SeriesColumn("hours_since_release", _STEP_MS, "the date of the last scheduled release"),
    ),
    measure=_measure,
    direction=False,
    parameters={"fading_h": _FADING_H, "horizon_h": _HORIZON_H},
)
