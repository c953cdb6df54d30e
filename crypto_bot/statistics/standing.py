"""A hit rate against its break-even, as one word and as a sentence."""

from __future__ import annotations

from enum import StrEnum
from math import ceil, isfinite

from crypto_bot.domain.interval import Interval
from crypto_bot.statistics.daily import MIN_CALLS, Z_95
from crypto_bot.statistics.episodes import Episodes


class Standing(StrEnum):
    """Above, below, or not proven, and too few calls."""

    ABOVE = "above"
    NOT_PROVEN = "not proven"
    BELOW = "below"
    TOO_FEW = f"fewer than {MIN_CALLS}"


def standing(n: int, interval: Interval, yardstick: float) -> Standing:
    """The whole 95 % interval above or below the yardstick, or neither."""
    if n < MIN_CALLS or not (interval.is_bounded and isfinite(yardstick)):
        return Standing.TOO_FEW
    if interval.low > yardstick:
        return Standing.ABOVE
    return Standing.BELOW if interval.high < yardstick else Standing.NOT_PROVEN


def episodes_to_settle(record: Episodes, yardstick: float) -> int | None:
    """How many more would prove the hit rate seen to differ from `yardstick`, if it is true.

    The n at which the half-width Z sqrt(p (1 - p) / n) of as many independent ones is the distance
    to the yardstick, scaled by how many episodes one independent one took so far. None where the
    two are equal or nothing is estimated.
    """
    rate = record.hit_rate.value
    if not isfinite(rate) or rate == yardstick:
        return None
    independent = Z_95**2 * rate * (1.0 - rate) / (rate - yardstick) ** 2
    each = record.n / (record.n_effective or record.n)
    return max(0, ceil(independent * each) - record.n)
