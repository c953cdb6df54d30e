"""What a record amounts to, in a sentence before any figure is drawn."""

from __future__ import annotations

from math import isfinite
from typing import NamedTuple

from crypto_bot.adapters.web.page import formats
from crypto_bot.domain.paper_report import AccountReport
from crypto_bot.statistics.daily import MIN_CALLS
from crypto_bot.statistics.episodes import Episodes
from crypto_bot.statistics.standing import Standing, episodes_to_settle, standing

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


def verdict_sentence(record: Episodes, calls: int, first_results: str) -> Sentence:
    """Such as "Not proven. Hit rate 44% [42, 46], n 814 (2,614 calls); break-even 43.6%.".

    `calls` are those that the episodes are made of; `first_results` says when there will be some,
    where there is none.
    """
    rate, n = record.hit_rate, record.n
    if not rate.is_bounded:
        return Sentence(GLYPHS[Standing.TOO_FEW], "No resolved LONG or SHORT.", first_results)
    low_high = formats.interval(rate, n)
    if n < MIN_CALLS:
        return Sentence(
            GLYPHS[Standing.TOO_FEW],
            "Too few to say.",
            f"{n} of the {MIN_CALLS} episodes that an estimate takes; 95% interval {low_high}.",
        )
    counted = f"n {formats.number(n)} ({formats.number(calls)} calls)"
    text = f"Hit rate {formats.rate(rate.value, n)} {low_high}, {counted}"
    if not isfinite(record.break_even):
        return Sentence(
            GLYPHS[Standing.TOO_FEW],
            "No yardstick.",
            f"{text}; all were won, or none, so nothing is known of a break-even.",
        )
    text += f"; break-even {formats.percent(record.break_even)}, after costs."
    found = standing(n, rate, record.break_even)
    word = _WORDS[found].format("break-even")
    return Sentence(GLYPHS[found], word, f"{text}{_further(record, found)}")


def trades_sentence(account: AccountReport) -> Sentence:
    """Of the closed trades of a paper account: whether their mean is proven to differ from 0."""
    known = account.statistics
    n, mean = known.trades, known.expectancy_r
    if not n:
        refused = formats.number(sum(account.refusals.values()))
        return Sentence(
            GLYPHS[Standing.TOO_FEW], "No trade has ended.", f"{refused} calls were refused."
        )
    reach = f"95% {formats.ends(mean, 2)}" if mean.is_bounded else "no interval before 4 days"
    found = standing(n, mean, 0.0)
    if found is Standing.TOO_FEW:
        rest = f"{formats.number(n)} trades, {MIN_CALLS} on 4 days are needed; {reach}."
        return Sentence(GLYPHS[found], _WORDS[found], rest)
    text = f"Mean result of a trade {formats.signed(mean.value, 2, 'R')}, {reach}, "
    text += f"n {formats.number(n)}, after fees and funding."
    text += _OTHERWISE if found is Standing.ABOVE else ""
    return Sentence(GLYPHS[found], _WORDS[found].format("zero"), text)


_OTHERWISE = " Of this time alone: the next may differ."
_WORDS = {
    Standing.ABOVE: "Above {}.",
    Standing.NOT_PROVEN: "Not proven.",
    Standing.BELOW: "Below {}.",
    Standing.TOO_FEW: "Too few to say.",
}


def _further(record: Episodes, found: Standing) -> str:
    if found is Standing.ABOVE:
        return _OTHERWISE
    if found is Standing.BELOW:
        return ""
    more = episodes_to_settle(record, record.break_even)
    if more is None or more > 1_000_000:
        return " More episodes than can be waited for would be needed to tell the two apart."
    if more == 0:
        return ""
    rounded = round(more, -max(0, len(str(more)) - 3))
    rate = formats.rate(record.hit_rate.value, record.n)
    return f" If the true rate is {rate}, about {formats.number(rounded)} more would settle it."
