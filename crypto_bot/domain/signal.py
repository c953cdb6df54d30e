"""Signals: what a source calls, and what the engine makes of it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from crypto_bot.domain.label import LabelSpec


class Pred(StrEnum):
    """The call: buy, sell, or stay out. A hold is NO_TRADE and is never turned into a trade."""

    SHORT = "SHORT"
    NO_TRADE = "NO_TRADE"
    LONG = "LONG"


class Source(StrEnum):
    """Who made the call, in the order in which they are asked."""

    ML_PER_COIN_V1 = "ML_PER_COIN_V1"
    PROFESSIONAL_ANALYZER = "PROFESSIONAL_ANALYZER"
    RSI_MA = "RSI_MA"
    MOMENTUM = "MOMENTUM"
    HOLD = "HOLD"


class Probabilities(NamedTuple):
    """P(label) of the three labels; they sum to 1."""

    short: float
    no_trade: float
    long: float

    def of(self, pred: Pred) -> float:
        """The probability that `pred` is right."""
        return self[_COLUMN[pred]]


_COLUMN = {Pred.SHORT: 0, Pred.NO_TRADE: 1, Pred.LONG: 2}


@dataclass(frozen=True, slots=True)
class Call:
    """What a source says of one coin at one close, before the engine adds prices and its record.

    `probabilities` is given by calibrated models only; for rules the engine fills in the tracked
    record of the source. `expected_bps` is the expected gross return of the trade, where known.
    `label` is what the probabilities are probabilities of; None for the engine's own label.
    """

    pred: Pred
    reasons: tuple[str, ...]
    probabilities: Probabilities | None = None
    expected_bps: float | None = None
    model_version: str | None = None
    label: LabelSpec | None = None


class Declined(NamedTuple):
    """A source that was asked first and passed, and why."""

    source: Source
    reason: str


class Levels(NamedTuple):
    """Prices of a trade. For NO_TRADE only `entry` is set."""

    entry: float
    stop_loss: float | None = None
    take_profits: tuple[float, float, float] | None = None


class Signal(NamedTuple):
    """The one answer for (symbol, tf, candle_open_ms).

    `atr` (price units) and `horizon_bars` are what the outcome is settled by; `atr` is None where
    the coin has too few candles, and such a signal gets no label. `label` is a model's own, by
    which its probabilities are judged; None is the triple barrier of `settle`.
    """

    symbol: str
    tf: str
    candle_open_ms: int
    pred: Pred
    confidence: float
    probabilities: Probabilities
    source: Source
    levels: Levels
    atr: float | None
    horizon_bars: int
    reasons: tuple[str, ...]
    declined: tuple[Declined, ...] = ()
    expected_bps: float | None = None
    cost_bps: float | None = None
    model_version: str | None = None
    label: LabelSpec | None = None

    @property
    def id(self) -> str:
        """`BTCUSDT:15m:<open_ms>`: made of the inputs, so storing it twice is harmless."""
        return f"{self.symbol}:{self.tf}:{self.candle_open_ms}"


STOP_ATR = 2.0
TARGETS_ATR = (2.0, 3.0, 4.0)


def levels(pred: Pred, entry: float, atr: float | None) -> Levels:
    """Stop 2 ATR against the trade, targets 2, 3 and 4 ATR with it; NO_TRADE has its entry alone.

    The first target is as far as the stop, so the label of a call is triple barrier +-2 ATR and a
    random side is right as often as it is wrong.
    """
    if pred is Pred.NO_TRADE or atr is None:
        return Levels(entry)
    side = 1.0 if pred is Pred.LONG else -1.0
    first, second, third = (entry + side * k * atr for k in TARGETS_ATR)
    return Levels(entry, entry - side * STOP_ATR * atr, (first, second, third))
