"""How far an exported file is from the model that it was made of."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from crypto_bot.domain.errors import ModelIncompatible
from crypto_bot.models.artifact import PublishedModel
from crypto_bot.models.families.family import Features
from crypto_bot.statistics.rows import Floats

LIMIT = 1e-3
"""The greatest difference of a probability with which a file is still written."""


class Parity(NamedTuple):
    """Of the probabilities of a file and of its model: their differences over `windows`."""

    windows: int
    greatest: float
    mean: float
    limit: float = LIMIT


def probabilities(model: PublishedModel, windows: Features) -> Floats:
    """Calibrated, [n, classes], of windows [n, window_bars, columns], by this package."""
    count, bars, columns = windows.shape
    ends = np.arange(1, count + 1) * bars - 1
    raw = model.model.predict_proba(windows.reshape(-1, columns), ends)
    return model.calibration.probabilities(raw, model.spec.label)


def compared(expected: Floats, found: Floats, form: str) -> Parity:
    """Raises ModelIncompatible where they differ by more than `LIMIT` anywhere."""
    if expected.shape != found.shape:
        raise ModelIncompatible(f"{form}: it answers {found.shape}, not {expected.shape}")
    difference = np.abs(expected - found)
    parity = Parity(len(expected), float(difference.max()), float(difference.mean()))
    # A NaN is no smaller than the limit.
    if not parity.greatest <= LIMIT:
        raise ModelIncompatible(
            f"{form}: over {parity.windows:,} windows a probability differs by "
            f"{parity.greatest:.2g}, more than {LIMIT:g}: nothing is written"
        )
    return parity
