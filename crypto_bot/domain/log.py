"""What a person asks of the prediction log."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

from crypto_bot.domain.signal import Source


class Ended(StrEnum):
    """What came of a signal, as a person asks for it."""

    TRADE = "trade"
    """A LONG or SHORT that is settled, however."""
    TARGET = "target"
    STOP = "stop"
    EXPIRED = "expired"
    """A LONG or SHORT that reached neither stop nor target in time."""
    OPEN = "open"
    """A LONG or SHORT that is not settled yet."""
    RIGHT = "right"
    """The call, NO_TRADE among them, was its label."""
    WRONG = "wrong"


class LogFilter(NamedTuple):
    """Which lines of the prediction log are meant; None leaves a condition out.

    Candles open in `[since_ms, until_ms)`.
    """

    symbol: str | None = None
    source: Source | None = None
    since_ms: int | None = None
    until_ms: int | None = None
    ended: Ended | None = None
