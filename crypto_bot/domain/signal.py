"""Signals: the calls of sources, completed by the engine."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from crypto_bot.domain.distribution import Distribution
from crypto_bot.domain.engine_key import BINANCE_SPOT
from crypto_bot.domain.label import SHORT_NO_TRADE_LONG, LabelSpec


class Pred(StrEnum):
    """The call: buy, sell, or stay out. A hold is NO_TRADE and is never turned into a trade."""

    SHORT = "SHORT"
    NO_TRADE = "NO_TRADE"
    LONG = "LONG"


class Source(StrEnum):
    """The source of a call: the fallback chain in its order, then the models of other recipes."""

    ML_PER_COIN_V1 = "ML_PER_COIN_V1"
    PROFESSIONAL_ANALYZER = "PROFESSIONAL_ANALYZER"
    RSI_MA = "RSI_MA"
    MOMENTUM = "MOMENTUM"
    HOLD = "HOLD"
    MTF_ENSEMBLE = "MTF_ENSEMBLE"
    HYBRID = "HYBRID"
    DAILY_OUTLOOK = "DAILY_OUTLOOK"


CHAIN_MODELS = (Source.ML_PER_COIN_V1, Source.MTF_ENSEMBLE, Source.HYBRID)
"""Of which one may stand first in the fallback chain."""
MODEL_SOURCES = (*CHAIN_MODELS, Source.DAILY_OUTLOOK)
"""Those whose probabilities are a model's own."""


class Role(StrEnum):
    """What a model's predictions are for."""

    CHAMPION = "champion"
    """Served: the one signal of its candle."""
    CHALLENGER = "challenger"
    """Stored and settled beside the champion, to be compared with it."""
    SHADOW = "shadow"
    """Stored and settled, and compared with nothing yet."""


CHAMPION = Role.CHAMPION
"""For what asks each signal of a log: a member of an enumeration takes 0.1 us to look up."""


class Probabilities(NamedTuple):
    """A distribution over `SHORT_NO_TRADE_LONG` with a name for each of them."""

    short: float
    no_trade: float
    long: float

    def of(self, pred: Pred) -> float:
        """The probability that `pred` is right."""
        return self[_COLUMN[pred]]

    @property
    def distribution(self) -> Distribution:
        """The same over named classes."""
        return Distribution(SHORT_NO_TRADE_LONG, tuple(self))


_COLUMN = {Pred.SHORT: 0, Pred.NO_TRADE: 1, Pred.LONG: 2}


@dataclass(frozen=True, slots=True)
class Call:
    """The call of a source for one coin at one close, before the engine adds prices and record.

    `distribution` is given by calibrated models only; for rules the engine fills in the tracked
    record of the source. `expected_bps` is the expected gross return of the trade, where known.
    `label` is what the classes are classes of; None for the engine's own label. `near` is that of
    `Declined`, for a NO_TRADE.
    """

    pred: Pred
    reasons: tuple[str, ...]
    distribution: Distribution | None = None
    expected_bps: float | None = None
    model_version: str | None = None
    label: LabelSpec | None = None
    near: float | None = None


class Declined(NamedTuple):
    """An earlier source that gave no signal, and its reason.

    `near` is how near it was to a call: the share of the way to its threshold, -1 (SHORT) to 1
    (LONG), to two decimals; None where it has no such threshold, or could not measure.
    """

    source: Source
    reason: str
    near: float | None = None


class Levels(NamedTuple):
    """Prices of a trade. For NO_TRADE only `entry` is set."""

    entry: float
    stop_loss: float | None = None
    take_profits: tuple[float, float, float] | None = None


class Signal(NamedTuple):
    """A prediction of (engine, symbol, tf, candle_open_ms) by one model in one role.

    In the role of champion there is exactly one. `atr` (price units) and `horizon_bars` are what
    the outcome is settled by; `atr` is None where the coin has too few candles, and such a signal
    gets no label. `label` is a model's own, by which its distribution is judged; None is the triple
    barrier of `settle`. `near` is that of `Declined`, for a NO_TRADE. `given` is what the model
    gave, where that was recalibrated.
    """

    symbol: str
    tf: str
    candle_open_ms: int
    pred: Pred
    confidence: float
    distribution: Distribution
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
    role: Role = Role.CHAMPION
    engine: str = BINANCE_SPOT.name
    near: float | None = None
    given: Probabilities | None = None

    @property
    def id(self) -> str:
        """Made of the inputs, so that storing it twice is harmless.

        `BTCUSDT:15m:<open_ms>` for the champion; others add `:<horizon>:<model>:<role>`.
        """
        served = f"{self.symbol}:{self.tf}:{self.candle_open_ms}"
        if self.role is CHAMPION:
            return served
        return f"{served}:{self.horizon}:{self.model}:{self.role}"

    @property
    def horizon(self) -> str:
        """How long after its candle it is settled, such as `16b` for 16 bars or `7d` for days."""
        return f"{self.horizon_bars}b" if self.label is None else str(self.label.horizon)

    @property
    def model(self) -> str:
        """The version of the model, or the name of the rule."""
        return self.model_version or self.source.value

    @property
    def probabilities(self) -> Probabilities:
        """The three probabilities, for a distribution over the three sides."""
        return Probabilities._make(self.distribution.probabilities)


def is_served(prediction_id: str) -> bool:
    """Whether an id is that of a champion; see `Signal.id`."""
    return prediction_id.count(":") == _SERVED_COLONS


def candle_of(prediction_id: str) -> int:
    """The open of the candle (UTC ms) that the id of a champion is of; see `Signal.id`."""
    return int(prediction_id.rpartition(":")[2])


_SERVED_COLONS = 2

STOP_ATR = 2.0
TARGETS_ATR = (2.0, 3.0, 4.0)


def levels(pred: Pred, entry: float, atr: float | None) -> Levels:
    """Stop 2 ATR against the trade, targets 2, 3 and 4 ATR with it; NO_TRADE has only its entry.

    The first target is as far as the stop, so the label of a call is triple barrier +-2 ATR and a
    random side is right as often as it is wrong.
    """
    if pred is Pred.NO_TRADE or atr is None:
        return Levels(entry)
    side = 1.0 if pred is Pred.LONG else -1.0
    first, second, third = (entry + side * k * atr for k in TARGETS_ATR)
    return Levels(entry, entry - side * STOP_ATR * atr, (first, second, third))
