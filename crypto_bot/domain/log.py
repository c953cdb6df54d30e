"""What a person asks of the prediction log, and what its settled calls add up to."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

from crypto_bot.domain.signal import Pred, Probabilities, Source


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


class TradeRecord(NamedTuple):
    """Sums over the settled LONG and SHORT calls of one source on one coin and UTC day of candles.

    Late signals are not in it. Gross returns: `gain_bps` adds up those of the `gains` calls that
    returned more than 0, `loss_bps` the sizes of the others.
    """

    source: Source
    symbol: str
    day: int
    """candle_open_ms // 86,400,000."""
    n: int
    gains: int
    gain_bps: float
    loss_bps: float


class ScoredCall(NamedTuple):
    """The probabilities that a model gave, and the label that came."""

    symbol: str
    candle_open_ms: int
    probabilities: Probabilities
    label: Pred
