"""Held to the horizon: a fall or a rise is a move of more than so many ATR."""

from __future__ import annotations

from crypto_bot.domain.horizon import Horizon
from crypto_bot.domain.label import DOWN_NEUTRAL_UP, LabelSpec
from crypto_bot.labels.paths import Ends, Paths, held

A = LabelSpec("A", "hold_atr", Horizon(4), (0.75,), direction=DOWN_NEUTRAL_UP)


def hold_atr(paths: Paths, thresholds: tuple[float, ...]) -> Ends:
    """Of the move from the next open to the last close, in ATR."""
    (threshold,) = thresholds
    return held(paths, threshold * paths.atr)
