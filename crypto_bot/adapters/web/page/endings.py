"""How a trade ended, in one line."""

from __future__ import annotations

from typing import NamedTuple

from markupsafe import Markup

from crypto_bot.adapters.web.page import cells, formats
from crypto_bot.adapters.web.page.markup import drawings, tone
from crypto_bot.adapters.web.page.trade import ENDINGS, result_r
from crypto_bot.adapters.web.page.viewer import Viewer
from crypto_bot.ports import LoggedSignal


class Ending(NamedTuple):
    """A line of the macro `endings`; one with a `symbol` leads to its coin."""

    time: str
    who: str
    call: Markup
    glyph: Markup
    word: str
    tone: str
    result: str
    symbol: str = ""


def ending_of(line: LoggedSignal, at_ms: int, who: str, viewer: Viewer, symbol: str = "") -> Ending:
    """A settled trade with what it returned in units of what it risked."""
    signal, outcome = line.stored.signal, line.outcome
    assert outcome is not None
    glyph, word = ENDINGS[outcome.status]
    r = result_r(signal, outcome)
    result = formats.result(r)
    call, mark = cells.direction(signal.pred), drawings.mark(glyph)
    time = formats.clock_time(at_ms, viewer.zone)
    return Ending(time, who, call, mark, word, tone(r, result), result, symbol)
