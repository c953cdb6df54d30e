"""A LONG or SHORT as the page shows it: where the price stands between its stop and its target."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from crypto_bot.domain.candle import Candle
from crypto_bot.domain.label import LabelSpec
from crypto_bot.domain.model_card import ModelEntry
from crypto_bot.domain.outcome import Outcome, Status, side_of
from crypto_bot.domain.signal import MODEL_SOURCES, Pred, Signal, Source
from crypto_bot.domain.timeframe import Timeframe

SOURCES = {
    Source.ML_PER_COIN_V1: "ML",
    Source.PROFESSIONAL_ANALYZER: "analyzer",
    Source.RSI_MA: "RSI/MA",
    Source.MOMENTUM: "momentum",
    Source.HOLD: "hold",
    Source.MTF_ENSEMBLE: "MTF ensemble",
    Source.HYBRID: "hybrid",
    Source.DAILY_OUTLOOK: "outlook",
}
"""What a source is called in a table."""

ENDINGS: dict[str, tuple[str, str]] = {
    Status.TP1: ("tick", "target"),
    Status.TP2: ("tick", "target 2"),
    Status.TP3: ("tick", "target 3"),
    Status.SL: ("cross", "stop"),
    Status.EXPIRED: ("clock", "expired"),
}
"""The glyph and the word of each ending."""


def usual_shares(model: ModelEntry | None, label: LabelSpec | None) -> Mapping[Pred, float]:
    """How often each side occurred on the candles that the model was made with, as shares of 1."""
    metrics = None if model is None or model.card is None else model.card.metrics
    counts = () if metrics is None else metrics.labels
    total = sum(count for _, count in counts)
    usual: dict[Pred, float] = {}
    for name, count in counts:
        side = side_of(label, name) if label is not None and name in label.classes else None
        if side is not None:
            usual[side] = usual.get(side, 0.0) + count / total
    return usual


class OpenTrade(NamedTuple):
    """A trade on its way. Results are in units of what is risked, from the side of the trade."""

    entry: float
    stop: float
    target: float
    reward_r: float
    now_r: float
    bars: int
    """Closed candles since its own."""
    of_bars: int
    expires_ms: int


def calibrated(signal: Signal) -> bool:
    """Whether its probabilities are a model's, and not the record of a rule."""
    return signal.source in MODEL_SOURCES


def risk_of(signal: Signal) -> float | None:
    """What a trade risks, as a share of its entry; None where there is no stop."""
    entry, stop = signal.levels.entry, signal.levels.stop_loss
    if stop is None or entry <= 0.0 or stop == entry:
        return None
    return abs(entry - stop) / entry


def result_r(signal: Signal, outcome: Outcome) -> float | None:
    """What a trade returned in units of what it risked, before costs."""
    risk = risk_of(signal)
    return None if risk is None else outcome.return_bps / 1e4 / risk


def open_trade(
    signal: Signal, candles: Sequence[Candle], price: float | None, timeframe: Timeframe
) -> OpenTrade | None:
    """`signal` as it stands at `price`; None where it is no trade, or has ended meanwhile.

    A model's call is settled with its horizon only, though its trade may have ended before: such a
    one is over for whoever trades it. `candles` reach back to the signal's own.
    """
    entry, stop, targets = signal.levels
    if signal.pred is Pred.NO_TRADE or stop is None or targets is None or price is None:
        return None
    risk = abs(entry - stop)
    after = [candle for candle in candles if candle.open_ms > signal.candle_open_ms]
    low, high = sorted((stop, targets[0]))
    if risk == 0.0 or any(candle.low <= low or candle.high >= high for candle in after):
        return None
    side = 1.0 if signal.pred is Pred.LONG else -1.0
    return OpenTrade(
        entry=entry,
        stop=stop,
        target=targets[0],
        reward_r=abs(targets[0] - entry) / risk,
        now_r=side * (price - entry) / risk,
        bars=len(after),
        of_bars=signal.horizon_bars,
        expires_ms=timeframe.close_of(signal.candle_open_ms) + signal.horizon_bars * timeframe.ms,
    )
