"""Single tests of a model: a value against a limit, and what it says in words."""

from __future__ import annotations

from typing import NamedTuple

from crypto_bot.domain.gate import Gate
from crypto_bot.domain.interval import Interval
from crypto_bot.models.verdict import Verdict

CHANCE_AUC = 0.015
"""So far from one half a direction AUC may lie by chance."""


def gate(name: str, passed: bool, value: float, limit: float, words: str) -> Gate:
    """Passed or not, in `words` with {value} and {limit} filled in."""
    text = words.format(value=value, limit=limit)
    return Gate(name, bool(passed), float(value), float(limit), text)


def chance(name: str, auc: Interval, where: str) -> Gate:
    """Passed where nobody could foresee the direction and nothing was foreseen."""
    words = "direction AUC " + where + " is {value:.4f} (must be within {limit:.3f} of .5)"
    return gate(name, is_chance(auc), auc.value, CHANCE_AUC, words)


def is_chance(auc: Interval) -> bool:
    """Near one half, or no further from it than few rows bring."""
    return abs(auc.value - 0.5) <= CHANCE_AUC or auc.low <= 0.5 <= auc.high


def above(name: str, value: float, limit: float, what: str) -> Gate:
    """Passed at `limit` or above."""
    words = what + " by {value:.4f} (standard deviation; at least {limit:.3f})"
    return gate(name, value >= limit, value, limit, words)


def below(name: str, value: float, limit: float, what: str) -> Gate:
    """Passed up to `limit`; an unknown value is not too good."""
    return gate(name, not value > limit, value, limit, what + " {value:.4f} (at most {limit:.3f})")


def proven(name: str, low: float, limit: float, what: str) -> Gate:
    """Passed where the lower end of an interval lies above `limit`."""
    words = what + ": lower end of the 95 % interval {value:.4f} (must be above {limit:.4f})"
    return gate(name, low > limit, low, limit, words)


def at_least(name: str, count: int, least: int, what: str) -> Gate:
    """Passed with so many or more."""
    return gate(
        name, count >= least, count, least, "{value:.0f} " + what + " (at least {limit:.0f})"
    )


class Judgement(NamedTuple):
    """The verdict, why, and every gate."""

    verdict: Verdict
    reasons: tuple[str, ...]
    gates: tuple[Gate, ...]
