"""The triple barrier: which of two prices so many ATR away is touched first, if any."""

from __future__ import annotations

import numpy as np

from crypto_bot.domain.horizon import Horizon
from crypto_bot.domain.label import DOWN_NEUTRAL_UP, LabelSpec
from crypto_bot.labels.paths import Ends, Paths

B = LabelSpec("B", "barrier_atr", Horizon(16), (2.0,), direction=DOWN_NEUTRAL_UP)


def barrier_atr(paths: Paths, thresholds: tuple[float, ...]) -> Ends:
    """After M. Lopez de Prado, Advances in Financial Machine Learning, 2018, chapter 3.

    Left at the first barrier touched, at that price or at the open beyond it, else at the last
    close. A bar that touches both is the stop of either side, which no side survives: no move, left
    at its close. `domain.outcome.settle` knows which side was called, and books the stop of that
    one.
    """
    (down,), (neutral,), (up,) = DOWN_NEUTRAL_UP
    (threshold,) = thresholds
    reach = threshold * paths.atr
    upper, lower = paths.entry + reach, paths.entry - reach
    count, horizon = paths.close.shape
    bar = np.full(count, horizon - 1)
    price = paths.close[:, -1].copy()
    label = np.full(count, neutral, np.int8)
    left = np.arange(count)
    for k in range(horizon):
        rose, fell = paths.high[left, k] >= upper[left], paths.low[left, k] <= lower[left]
        opened = paths.open[left, k]
        bar[left[rose | fell]] = k
        price[left] = np.select(
            [rose & fell, rose, fell],
            [
                paths.close[left, k],
                np.maximum(upper[left], opened),
                np.minimum(lower[left], opened),
            ],
            price[left],
        )
        label[left[rose & ~fell]], label[left[fell & ~rose]] = up, down
        left = left[~(rose | fell)]
    return Ends(bar, price, label)
