"""Bearish, neutral or bullish after 7, 14 and 30 days: a move of a share of the price.

Shares of the classes over the daily candles of 30 coins from their listings to 2025, 58,000 closes:

| label | threshold | SHORT | NO_TRADE | LONG |
|---|---|---|---|---|
| `move_7d` | 2 % | 42.2 % | 16.8 % | 40.9 % |
| `move_14d` | 3 % | 42.9 % | 16.3 % | 40.8 % |
| `move_30d` | 5 % | 42.8 % | 17.5 % | 39.7 % |

The threshold of 7 days is given; the other two are the smallest whole percentages that leave no
class under 15 %.
"""

from __future__ import annotations

from crypto_bot.domain.horizon import Horizon, Unit
from crypto_bot.domain.label import DOWN_NEUTRAL_UP, LabelSpec


def _move(days: int, share: float) -> LabelSpec:
    horizon = Horizon(days, Unit.DAYS)
    return LabelSpec(f"move_{days}d", "hold_share", horizon, (share,), direction=DOWN_NEUTRAL_UP)


MOVES = _move(7, 0.02), _move(14, 0.03), _move(30, 0.05)
