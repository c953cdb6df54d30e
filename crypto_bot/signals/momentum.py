"""Momentum: a strong move goes on."""

from __future__ import annotations

from collections.abc import Sequence
from math import sqrt

from crypto_bot.domain.errors import SignalUnavailable
from crypto_bot.domain.market import MarketView
from crypto_bot.domain.signal import Call, Pred, Source
from crypto_bot.domain.timeframe import Timeframe

MIN_BARS = 15
CHANGE_AT_15M = 0.025


class Momentum:
    """LONG or SHORT where the change over 14 bars passes ±2.5 %, scaled by the root of time."""

    source = Source.MOMENTUM

    def __init__(self, timeframe: Timeframe) -> None:
        self._limit = CHANGE_AT_15M * sqrt(timeframe.ms / Timeframe.parse("15m").ms)

    def calls(self, views: Sequence[MarketView]) -> list[Call | SignalUnavailable]:
        return [self._call(view) for view in views]

    def _call(self, view: MarketView) -> Call | SignalUnavailable:
        if view.bars < MIN_BARS:
            return SignalUnavailable(f"needs {MIN_BARS} candles without a gap, has {view.bars}")
        if not view.atr > 0.0:
            return SignalUnavailable("the price has not moved: there is no ATR for a stop")
        change, limit = view.change_14, self._limit
        if abs(change) <= limit:
            return SignalUnavailable(f"14-bar change {change:+.2%} is within ±{limit:.2%}")
        pred = Pred.LONG if change > 0.0 else Pred.SHORT
        return Call(pred, (f"14-bar change {change:+.2%} beyond ±{limit:.2%}",))
