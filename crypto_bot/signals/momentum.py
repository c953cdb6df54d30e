"""Momentum: a strong move continues."""

from __future__ import annotations

from collections.abc import Sequence
from math import sqrt

from crypto_bot.domain.errors import SignalUnavailable
from crypto_bot.domain.market import MarketView
from crypto_bot.domain.signal import Call, Pred, Source
from crypto_bot.domain.timeframe import Timeframe
from crypto_bot.features.views import ViewColumns
from crypto_bot.market_data.observations import Integers
from crypto_bot.signals.readiness import sides_of, unready

MIN_BARS = 15
CHANGE_AT_15M = 0.025


class Momentum:
    """LONG or SHORT where the change over 14 bars passes ±2.5 %, scaled by the root of time."""

    source = Source.MOMENTUM

    def __init__(self, timeframe: Timeframe) -> None:
        self._limit = CHANGE_AT_15M * sqrt(timeframe.ms / Timeframe.parse("15m").ms)
        self._within = f"±{self._limit * 1e4:.0f} bp"

    def calls(self, views: Sequence[MarketView]) -> list[Call | SignalUnavailable]:
        return [self._call(view) for view in views]

    def sides(self, views: ViewColumns) -> Integers:
        """The same for every candle of a coin, [n]: 1 LONG, -1 SHORT, 0 where it declines."""
        change = views.change_14
        return sides_of(views, MIN_BARS, change > self._limit, change < -self._limit)

    def _call(self, view: MarketView) -> Call | SignalUnavailable:
        if view.bars < MIN_BARS or not view.atr > 0.0:
            return unready(view, MIN_BARS)
        change = view.change_14
        if -self._limit <= change <= self._limit:
            return SignalUnavailable(
                f"14-bar change {round(change * 1e4)} bp, within {self._within}",
                round(change / self._limit, 2),
            )
        pred = Pred.LONG if change > 0.0 else Pred.SHORT
        return Call(pred, (f"14-bar change {change * 1e4:+.0f} bp, beyond {self._within}",))
