"""`per_coin_v2`, group T: position of a close in the week, the day and the funding cycle."""

from __future__ import annotations

from math import cos, pi, sin

from crypto_bot.domain.instant import DAY_MS, HOUR_MS
from crypto_bot.features.compiled import compiled
from crypto_bot.market_data.observations import Floats

WEEK_MS = 7 * DAY_MS
FUNDING_MS = 8 * HOUR_MS
MONDAY_MS = 4 * DAY_MS  # the epoch was a Thursday

CLOCK = (
    "week_place",
    "funding_place",
    "half_day_sin",
    "half_day_cos",
    "weekday",
    "hour_place",
)
"""As numbers for trees: positions from 0 to 1."""
CLOCK_WAVES = tuple(
    f"{cycle}_{wave}"
    for cycle in ("week", "funding", "weekday", "quarter")
    for wave in ("sin", "cos")
)
"""The same as sine and cosine, for models that need smooth inputs."""


@compiled
def write_clock(close_ms: int, row: Floats) -> None:
    """The columns of `CLOCK` and `CLOCK_WAVES`, of the instant at which the candle closed."""
    since_monday = (close_ms - MONDAY_MS) % WEEK_MS
    row[0] = since_monday // HOUR_MS / 168.0
    row[1] = close_ms % FUNDING_MS / FUNDING_MS
    half_day = 4.0 * pi * (close_ms % DAY_MS) / DAY_MS
    row[2] = sin(half_day)
    row[3] = cos(half_day)
    row[4] = since_monday // DAY_MS / 7.0
    row[5] = close_ms % HOUR_MS / HOUR_MS
    places = (row[0], row[1], row[4], row[5])
    for k in range(4):
        row[6 + 2 * k] = sin(2.0 * pi * places[k])
        row[7 + 2 * k] = cos(2.0 * pi * places[k])
