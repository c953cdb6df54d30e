"""The professional analyzer: a confluence of trend, structure, momentum, levels and volume."""

from __future__ import annotations

from collections.abc import Sequence
from math import isnan

import numpy as np

from crypto_bot.domain.errors import SignalUnavailable
from crypto_bot.domain.market import MarketView
from crypto_bot.domain.signal import Call, Pred, Source
from crypto_bot.domain.timeframe import Timeframe
from crypto_bot.features.views import ViewColumns
from crypto_bot.market_data.observations import Floats, Integers
from crypto_bot.signals.readiness import sides_of, unready

MIN_BARS = 97
"""A day of 15-minute candles and one more, the reference of volatility and volume."""
THRESHOLD = 0.4
"""Answers on 4.8 % of 843,457 real 15-minute candles of eight coins (2022-06 to 2025-08), 3.9 % to
6.8 % by coin; chosen by that rate, not by returns."""
_MACD_FULL_ATR = 0.25
_BUSY = 2.0


class ProfessionalAnalyzer:
    """LONG or SHORT where the confluence score passes `threshold` (0..1), else it declines.

    Fixed weights, not fitted to returns; its track record measures it.

    | part, each -1..1 | weight | from |
    |---|---|---|
    | trend | .35 | mean of EMA distances in ATR over the base and the closed higher timeframes |
    | structure | .20 | rising or falling swing highs and lows |
    | momentum | .25 | half RSI(14) around 50, half MACD histogram, full at a quarter of an ATR |
    | levels | .05 | room up to resistance against room down to support |
    | volume | .15 | signed volume of 16 bars, in full where the last 4 trade twice the usual |
    | regime | factor | short over long volatility, where above 1, divides the sum |
    """

    source = Source.PROFESSIONAL_ANALYZER

    def __init__(self, timeframe: Timeframe, threshold: float = THRESHOLD) -> None:
        self._higher = tuple(level.name for level in timeframe.higher())
        self._threshold = threshold
        # formatted in advance: formatting a score takes longer than computing it
        self._too_weak = tuple(
            f"score {hundredth / 100:+.2f} is within ±{threshold:g}"
            for hundredth in range(-100, 101)
        )

    def calls(self, views: Sequence[MarketView]) -> list[Call | SignalUnavailable]:
        return [self._call(view) for view in views]

    def sides(self, views: ViewColumns) -> Integers:
        """The same for every candle of a coin, [n]: 1 LONG, -1 SHORT, 0 where it declines."""
        score = _confluence(views)
        calls = ~((-self._threshold <= score) & (score <= self._threshold))
        return sides_of(views, MIN_BARS, calls & (score > 0.0), calls & ~(score > 0.0))

    def _call(self, view: MarketView) -> Call | SignalUnavailable:
        if view.bars < MIN_BARS or not view.atr > 0.0:
            return unready(view, MIN_BARS)
        score = confluence(view)
        if -self._threshold <= score <= self._threshold:
            near = round(score / self._threshold, 2)
            return SignalUnavailable(self._too_weak[int(score * 100.0) + 100], near)
        return Call(Pred.LONG if score > 0.0 else Pred.SHORT, self._reasons(view, score))

    def _reasons(self, view: MarketView, score: float) -> tuple[str, ...]:
        trends = (view.trend_1, view.trend_2, view.trend_3, view.trend_4)
        by_name = dict(zip(self._higher, trends, strict=False))
        known = [f"{name} {trend:+.2f}" for name, trend in by_name.items() if not isnan(trend)]
        lacking = [name for name, trend in by_name.items() if isnan(trend)]
        macd = f"{view.macd_histogram:+.2f}"
        distances = f"-{view.support:.1f} and +{view.resistance:.1f}"
        reasons = [
            f"score {score:+.2f} beyond ±{self._threshold:g}",
            ", ".join([f"trend {view.trend:+.2f}: base {view.trend_base:+.2f}", *known]),
            f"structure {view.structure:+.1f}: {_STRUCTURES[view.structure]}",
            f"momentum {_momentum(view):+.2f}: RSI {view.rsi:.0f}, MACD histogram {macd} ATR",
            f"levels {_levels(view):+.2f}: support and resistance at {distances} ATR",
            f"volume {_volume(view):+.2f}: {view.volume_ratio:.1f} times the usual",
            f"volatility {view.volatility_ratio:.2f} times the usual",
        ]
        if lacking:
            reasons.append(f"not enough closed candles of {', '.join(lacking)}")
        return tuple(reasons)


_STRUCTURES = {
    1.0: "higher highs and higher lows",
    0.5: "higher highs or higher lows",
    0.0: "no direction",
    -0.5: "lower highs or lower lows",
    -1.0: "lower highs and lower lows",
}


def confluence(view: MarketView) -> float:
    """The score, -1..1, of a view with at least `MIN_BARS` bars and an ATR above 0."""
    parts = (
        0.35 * view.trend
        + 0.20 * view.structure
        + 0.25 * _momentum(view)
        + 0.05 * _levels(view)
        + 0.15 * _volume(view)
    )
    regime = view.volatility_ratio
    return parts / regime if regime > 1.0 else parts


def _momentum(view: MarketView) -> float:
    macd = view.macd_histogram / _MACD_FULL_ATR
    if macd > 1.0:
        macd = 1.0
    elif macd < -1.0:
        macd = -1.0
    return 0.5 * (view.rsi / 50.0 - 1.0 + macd)


def _levels(view: MarketView) -> float:
    room = view.resistance + view.support
    return (view.resistance - view.support) / room if room > 0.0 else 0.0


def _volume(view: MarketView) -> float:
    ratio = view.volume_ratio
    return view.volume_balance * (ratio / _BUSY if ratio < _BUSY else 1.0)


def _confluence(views: ViewColumns) -> Floats:
    """`confluence` in columns, [n]: the same operations in the same order."""
    macd = np.clip(views.macd_histogram / _MACD_FULL_ATR, -1.0, 1.0)
    room = views.resistance + views.support
    ratio = views.volume_ratio
    with np.errstate(invalid="ignore", divide="ignore"):
        levels = np.where(room > 0.0, (views.resistance - views.support) / room, 0.0)
        parts = (
            0.35 * views.trend
            + 0.20 * views.structure
            + 0.25 * (0.5 * (views.rsi / 50.0 - 1.0 + macd))
            + 0.05 * levels
            + 0.15 * (views.volume_balance * np.where(ratio < _BUSY, ratio / _BUSY, 1.0))
        )
        regime = views.volatility_ratio
        score: Floats = np.where(regime > 1.0, parts / regime, parts)
    return score
