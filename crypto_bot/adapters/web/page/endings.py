"""How a trade ended, in one line."""

from __future__ import annotations

from typing import NamedTuple

from markupsafe import Markup

from crypto_bot.adapters.web.page import cells, formats
from crypto_bot.adapters.web.page.markup import tone
from crypto_bot.adapters.web.page.trade import ENDINGS
from crypto_bot.domain.outcome import Status
from crypto_bot.domain.signal import Pred


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


def ending_of(
    time: str, who: str, pred: Pred, status: Status, r: float | None, *, symbol: str = ""
) -> Ending:
    """A trade of the side `pred` that returned `r` times what it risked."""
    glyph, word = ENDINGS[status]
    result = formats.result(r)
    kind = tone(r, result)
    return Ending(time, who, cells.direction(pred), cells.mark(glyph), word, kind, result, symbol)
