"""Filters of the prediction log."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

from crypto_bot.domain.signal import Source


class Ended(StrEnum):
    """Results of signals that can be filtered for."""

    TRADE = "trade"
    """A LONG or SHORT that is settled."""
    TARGET = "target"
    STOP = "stop"
    EXPIRED = "expired"
    """A LONG or SHORT that reached neither stop nor target in time."""
    OPEN = "open"
    """A LONG or SHORT that is not settled yet."""
    RIGHT = "right"
    """The call (NO_TRADE included) equals its label."""
    WRONG = "wrong"


class LogFilter(NamedTuple):
    """A filter of prediction log lines; None leaves a condition out.

    Candles open in `[since_ms, until_ms)`.
    """

    symbol: str | None = None
    source: Source | None = None
    since_ms: int | None = None
    until_ms: int | None = None
    ended: Ended | None = None
