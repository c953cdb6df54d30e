"""A label in one file: how wide the prices of the next day range, in ATR."""

import numpy as np

from crypto_bot.domain.horizon import Horizon, Unit
from crypto_bot.domain.label import LabelSpec
from crypto_bot.labels.paths import Ends, Paths

EXCURSION = LabelSpec(
    name="excursion",
    rule="excursion_atr",
    horizon=Horizon(1, Unit.DAYS),
    thresholds=(3.0, 3.75, 5.0),
    classes=("narrow", "usual", "wide", "very wide"),
)


def excursion_atr(paths: Paths, thresholds: tuple[float, ...]) -> Ends:
    """By the highest high less the lowest low."""
    width = (paths.high.max(axis=1) - paths.low.min(axis=1)) / paths.atr
    last = np.full(width.size, paths.close.shape[1] - 1)
    label = np.searchsorted(thresholds, width).astype(np.int8)
    return Ends(last, paths.close[:, -1], label)
