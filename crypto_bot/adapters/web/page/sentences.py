"""What a record amounts to, in a sentence before any figure is drawn."""

from __future__ import annotations

from math import isfinite
from typing import NamedTuple

from crypto_bot.adapters.web.page import formats
from crypto_bot.statistics.breakdown import Line
from crypto_bot.statistics.daily import MIN_CALLS
from crypto_bot.statistics.standing import Standing, calls_to_settle

GLYPHS = {
    Standing.ABOVE: "tick",
    Standing.NOT_PROVEN: "half",
    Standing.BELOW: "cross",
    Standing.TOO_FEW: "none",
}
"""The glyph beside each word."""


class Sentence(NamedTuple):
    """A word in bold, and the rest of the sentence."""

    glyph: str
    word: str
    rest: str

    @property
    def text(self) -> str:
        """All of it."""
        return f"{self.word} {self.rest}"


def verdict_sentence(line: Line, first_results: str) -> Sentence:
    """Such as "Not proven. Hit rate 44.1% [42.2, 46.0], n 2,614; break-even 43.6%.".

    `first_results` says when there will be some, where there is none.
    """
    if not line.rate.is_bounded:
        return Sentence(GLYPHS[Standing.TOO_FEW], "No resolved LONG or SHORT.", first_results)
    low_high = formats.interval(line.rate, line.n)
    if line.n < MIN_CALLS:
        return Sentence(
            GLYPHS[Standing.TOO_FEW],
            "Too few to say.",
            f"{line.n} of the {MIN_CALLS} calls that an estimate takes; 95% interval {low_high}.",
        )
    text = (
        f"Hit rate {formats.rate(line.rate.value, line.n)} {low_high}, n {formats.number(line.n)}"
    )
    if not isfinite(line.break_even):
        return Sentence(
            GLYPHS[Standing.TOO_FEW],
            "No yardstick.",
            f"{text}; all calls gained, or none did, so nothing is known of a break-even.",
        )
    yardstick = f"{100 * line.break_even:.1f}%"
    text += f"; break-even after costs {yardstick}."
    return Sentence(GLYPHS[line.standing], _WORDS[line.standing], f"{text}{_further(line)}")


_WORDS = {
    Standing.ABOVE: "Above break-even.",
    Standing.NOT_PROVEN: "Not proven.",
    Standing.BELOW: "Below break-even.",
    Standing.TOO_FEW: "Too few to say.",
}


def _further(line: Line) -> str:
    if line.standing is Standing.ABOVE:
        return " Of this window alone: the next one may differ."
    if line.standing is Standing.BELOW:
        return ""
    more = calls_to_settle(line.record, line.break_even)
    if more is None or more > 1_000_000:
        return " More calls than can be waited for would be needed to tell the two apart."
    if more == 0:
        return ""
    rounded = round(more, -max(0, len(str(more)) - 3))
    rate = formats.rate(line.rate.value, line.n)
    return f" If the true rate is {rate}, about {formats.number(rounded)} more would settle it."
