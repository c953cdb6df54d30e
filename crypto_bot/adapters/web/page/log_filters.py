"""The filters of the log, as an address holds them and as it is made of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import tzinfo
from typing import NamedTuple, TypeVar
from urllib.parse import urlencode

from crypto_bot.adapters.web.filters import parse_instant, parse_position, position_text
from crypto_bot.domain.log import Ended, LogFilter
from crypto_bot.domain.signal import Source
from crypto_bot.ports import LogPosition

RESULTS = {
    Ended.TRADE: "ended trades",
    Ended.TARGET: "target",
    Ended.STOP: "stop",
    Ended.EXPIRED: "expired",
    Ended.OPEN: "open",
    Ended.RIGHT: "right",
    Ended.WRONG: "wrong or moved",
}
"""What each is called where it is chosen."""
_Value = TypeVar("_Value")


class LogAddress(NamedTuple):
    """What is asked of the log, and from which line on."""

    wanted: LogFilter
    before: LogPosition | None
    texts: Mapping[str, str]
    """The fields that were understood, as they were written."""
    refused: tuple[str, ...]
    """Those that were not, in words."""

    def query(self, before: LogPosition | None = None) -> str:
        """The same filters as a query string, from another line on."""
        fields = {name: text for name, text in self.texts.items() if name != "before"}
        if before is not None:
            fields["before"] = position_text(before)
        return urlencode(fields)


def read_address(asked: Mapping[str, str], symbols: Sequence[str], zone: tzinfo) -> LogAddress:
    """A time without a zone is in `zone`. A field that is not understood is left out and named."""
    texts: dict[str, str] = {}
    refused: list[str] = []

    def field(name: str, read: Callable[[str], _Value]) -> _Value | None:
        text = asked.get(name, "").strip()
        if not text:
            return None
        try:
            value = read(text)
        except ValueError:
            refused.append(f"{name}: '{text[:40]}' is not understood and left out")
            return None
        texts[name] = text
        return value

    wanted = LogFilter(
        symbol=field("coin", lambda text: _symbol(text, symbols)),
        source=field("source", Source),
        since_ms=field("from", lambda text: parse_instant(text, zone)),
        until_ms=field("to", lambda text: parse_instant(text, zone)),
        ended=field("result", Ended),
    )
    before = field("before", parse_position)
    return LogAddress(wanted, before, texts, tuple(refused))


def _symbol(text: str, symbols: Sequence[str]) -> str:
    for name in (text.upper(), f"{text.upper()}USDT"):
        if name in symbols:
            return name
    raise ValueError(text)
