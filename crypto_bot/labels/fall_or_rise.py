"""A fall or a rise, each in sizes: by the next bar in one, after 4 hours in two.

Shares of the classes of the four over the closes of full hours of BTC, ETH, BNB and SOL from June
2022 to August 2025, 112,880 closes:

| label | threshold | STRONG_SELL | SELL | BUY | STRONG_BUY |
|---|---|---|---|---|---|
| `four_4h` | 2 % | 5.5 % | 43.5 % | 45.2 % | 5.8 % |
| `four_4h_150bp` | 1.5 % | 8.7 % | 40.3 % | 41.7 % | 9.3 % |
| `four_4h_50bp` | 0.5 % | 26.2 % | 22.9 % | 23.3 % | 27.7 % |
"""

from __future__ import annotations

import numpy as np

from crypto_bot.domain.horizon import Horizon, Unit
from crypto_bot.domain.label import Direction, LabelSpec
from crypto_bot.labels.paths import Ends, Paths

NEXT_BAR = LabelSpec(
    name="next_bar",
    rule="fall_or_rise",
    horizon=Horizon(1),
    thresholds=(),
    classes=("DOWN", "UP"),
    direction=Direction((0,), (), (1,)),
)


def _four(name: str, share: float) -> LabelSpec:
    return LabelSpec(
        name=name,
        rule="fall_or_rise",
        horizon=Horizon(4, Unit.HOURS),
        thresholds=(share,),
        classes=("STRONG_SELL", "SELL", "BUY", "STRONG_BUY"),
        direction=Direction((0, 1), (), (2, 3)),
    )


FOURS = _four("four_4h", 0.02), _four("four_4h_150bp", 0.015), _four("four_4h_50bp", 0.005)


def fall_or_rise(paths: Paths, thresholds: tuple[float, ...]) -> Ends:
    """Of the move from the next open to the last close; none at all is the smallest rise.

    A class is stronger by one for each of `thresholds`, shares of that open, that the move is
    beyond: two classes without any, four with one.
    """
    price = paths.close[:, -1]
    moved = price - paths.entry
    size = np.zeros(price.size, np.int8)
    for share in thresholds:
        size += np.abs(moved) > share * paths.entry
    smallest_fall = len(thresholds)
    label = np.where(moved < 0.0, smallest_fall - size, smallest_fall + 1 + size).astype(np.int8)
    return Ends(np.full(price.size, paths.close.shape[1] - 1), price, label)
