"""Where a hit rate stands against its break-even, in one of a few words and in a sentence."""

from __future__ import annotations

from enum import StrEnum
from math import ceil

from crypto_bot.statistics.daily import MIN_CALLS, Z_95, Interval
from crypto_bot.statistics.performance import Performance


class Standing(StrEnum):
    """Three words, and one for having too little to say."""

    ABOVE = "above"
    NOT_PROVEN = "not proven"
    BELOW = "below"
    TOO_FEW = f"fewer than {MIN_CALLS}"


def standing(
    n: int, interval: Interval | None, yardstick: float | None, least: int = MIN_CALLS
) -> Standing:
    """The whole 95 % interval above or below the yardstick, or neither."""
    if n < least or interval is None or yardstick is None:
        return Standing.TOO_FEW
    if interval.low > yardstick:
        return Standing.ABOVE
    return Standing.BELOW if interval.high < yardstick else Standing.NOT_PROVEN


def calls_to_settle(record: Performance, yardstick: float) -> int | None:
    """How many more calls would prove the hit rate seen to differ from `yardstick`, if it is true.

    The n at which the half-width Z sqrt(p (1 - p) / n) of as many independent calls is the distance
    to the yardstick, scaled by how many calls one independent call took so far. None where the two
    are equal or nothing is estimated.
    """
    rate = record.hit_rate
    if rate is None or rate == yardstick:
        return None
    independent = Z_95**2 * rate * (1.0 - rate) / (rate - yardstick) ** 2
    calls_each = record.n / (record.n_effective or record.n)
    return max(0, ceil(independent * calls_each) - record.n)
