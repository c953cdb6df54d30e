"""How a trade ended, in one line."""

from __future__ import annotations

from markupsafe import Markup

from crypto_bot.adapters.web.page import cells, formats
from crypto_bot.adapters.web.page.markup import drawings, pieces, tone
from crypto_bot.adapters.web.page.trade import ENDINGS, result_r
from crypto_bot.adapters.web.page.viewer import Viewer
from crypto_bot.ports import LoggedSignal


def ending(line: LoggedSignal, at_ms: int, who: str, viewer: Viewer, symbol: str = "") -> Markup:
    """A settled trade and its result; with a `symbol` it leads to its coin."""
    signal, outcome = line.stored.signal, line.outcome
    assert outcome is not None
    glyph, word = ENDINGS[outcome.status]
    r = result_r(signal, outcome)
    shown = formats.result(r)
    time, arrow = formats.clock_time(at_ms, viewer.zone), cells.direction(signal.pred)
    result = pieces.number(shown, tone(r, shown))
    return pieces.ending(symbol, time, who, arrow, drawings.mark(glyph) + word, result)
