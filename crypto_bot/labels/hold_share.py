"""Held to the horizon: a fall or a rise is a move of more than a share of the entry."""

from __future__ import annotations

from crypto_bot.domain.horizon import Horizon
from crypto_bot.domain.label import DOWN_NEUTRAL_UP, LabelSpec
from crypto_bot.labels.paths import Ends, Paths, held

FIXED = LabelSpec("fixed", "hold_share", Horizon(3), (0.0025,), direction=DOWN_NEUTRAL_UP)


def hold_share(paths: Paths, thresholds: tuple[float, ...]) -> Ends:
    """Of the move from the next open to the last close, as a share of that open."""
    (threshold,) = thresholds
    return held(paths, threshold * paths.entry)
