"""Held to the horizon: a fall or a rise is a move beyond so many ATR, or a share of the entry."""

from __future__ import annotations

import numpy as np

from crypto_bot.domain.horizon import Horizon
from crypto_bot.domain.label import DOWN_NEUTRAL_UP, LabelSpec
from crypto_bot.labels.paths import Ends, Paths
from crypto_bot.market_data.observations import Floats

A = LabelSpec("A", "hold_atr", Horizon(4), (0.75,), direction=DOWN_NEUTRAL_UP)
FIXED = LabelSpec("fixed", "hold_share", Horizon(3), (0.0025,), direction=DOWN_NEUTRAL_UP)


def hold_atr(paths: Paths, thresholds: tuple[float, ...]) -> Ends:
    """Of the move from the next open to the last close, in ATR."""
    (threshold,) = thresholds
    return _held(paths, threshold * paths.atr)


def hold_share(paths: Paths, thresholds: tuple[float, ...]) -> Ends:
    """Of the move from the next open to the last close, as a share of that open."""
    (threshold,) = thresholds
    return _held(paths, threshold * paths.entry)


def _held(paths: Paths, reach: Floats) -> Ends:
    """Left at the last close: a fall or a rise by more than `reach` [n], else no move."""
    (down,), (neutral,), (up,) = DOWN_NEUTRAL_UP
    price = paths.close[:, -1]
    moved = price - paths.entry
    label = np.where(moved > reach, up, np.where(-moved > reach, down, neutral)).astype(np.int8)
    return Ends(np.full(price.size, paths.close.shape[1] - 1), price, label)
