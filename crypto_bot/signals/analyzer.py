"""The professional analyzer: a confluence of trend, structure, momentum, levels and volume."""

from __future__ import annotations

from collections.abc import Sequence
from math import isnan
from typing import NamedTuple

from crypto_bot.domain.errors import SignalUnavailable
from crypto_bot.domain.market import MarketView
from crypto_bot.domain.signal import Call, Pred, Source
from crypto_bot.domain.timeframe import Timeframe

MIN_BARS = 97
"""A day of 15-minute candles and one more: what volatility and volume are compared with."""
THRESHOLD = 0.4
"""Answers on one candle in eighteen of BTC, SOL and LINK (2024-07 to 2025-08, 15 minutes)."""
_MACD_FULL_ATR = 0.25
_BUSY = 2.0


class Confluence(NamedTuple):
    """The parts of the score, each in -1..1, and the factor of the volatility regime in 0..1."""

    trend: float
    structure: float
    momentum: float
    levels: float
    volume: float
    regime: float

    @property
    def score(self) -> float:
        """The weighted sum, damped in a volatile regime: -1..1."""
        weighted = (
            0.35 * self.trend
            + 0.20 * self.structure
            + 0.25 * self.momentum
            + 0.05 * self.levels
            + 0.15 * self.volume
        )
        return self.regime * weighted


class ProfessionalAnalyzer:
    """LONG or SHORT where the confluence score passes `threshold`, else it declines.

    A rule of thumb with fixed weights, not fitted to returns; what it is worth is in its record.

    | part | weight | from |
    |---|---|---|
    | trend | .35 | mean of EMA distances in ATR over the base and the closed higher timeframes |
    | structure | .20 | rising or falling swing highs and lows |
    | momentum | .25 | half RSI(14) around 50, half MACD histogram in ATR |
    | levels | .05 | room up to resistance against room down to support |
    | volume | .15 | signed volume of 16 bars, less where volume is thin |
    | regime | factor | short over long volatility above 1 divides the sum |
    """

    source = Source.PROFESSIONAL_ANALYZER

    def __init__(self, timeframe: Timeframe, threshold: float = THRESHOLD) -> None:
        self._higher = tuple(level.name for level in timeframe.higher())
        self._threshold = threshold

    def calls(self, views: Sequence[MarketView]) -> list[Call | SignalUnavailable]:
        return [self._call(view) for view in views]

    def _call(self, view: MarketView) -> Call | SignalUnavailable:
        if view.bars < MIN_BARS:
            return SignalUnavailable(f"needs {MIN_BARS} candles without a gap, has {view.bars}")
        if not view.atr > 0.0:
            return SignalUnavailable("the price has not moved: there is no ATR for a stop")
        parts = confluence(view)
        score = parts.score
        if abs(score) <= self._threshold:
            return SignalUnavailable(f"score {score:+.2f} is within ±{self._threshold:g}")
        return Call(Pred.LONG if score > 0.0 else Pred.SHORT, self._reasons(view, parts, score))

    def _reasons(self, view: MarketView, parts: Confluence, score: float) -> tuple[str, ...]:
        trends = (view.trend_1, view.trend_2, view.trend_3, view.trend_4)
        known = [
            f"{name} {trend:+.2f}"
            for name, trend in zip(self._higher, trends, strict=False)
            if not isnan(trend)
        ]
        lacking = [name for name, trend in zip(self._higher, trends, strict=False) if isnan(trend)]
        trend = f"trend {parts.trend:+.2f} (base {view.trend_base:+.2f}"
        told = [
            f"score {score:+.2f} beyond ±{self._threshold:g}",
            ", ".join([trend, *known]) + ")",
            f"structure {parts.structure:+.1f}",
            (
                f"momentum {parts.momentum:+.2f}: RSI {view.rsi:.0f}, "
                f"MACD histogram {view.macd_histogram:+.2f} ATR"
            ),
            (
                f"levels {parts.levels:+.2f}: support {view.support:.1f} ATR below, "
                f"resistance {view.resistance:.1f} above"
            ),
            f"volume {parts.volume:+.2f}, volatility regime {view.volatility_ratio:.2f}",
        ]
        if lacking:
            told.append(f"not enough closed candles of {', '.join(lacking)}")
        return tuple(told)


def confluence(view: MarketView) -> Confluence:
    """The parts of the score of a view with at least `MIN_BARS` bars and an ATR above 0."""
    macd = max(-1.0, min(1.0, view.macd_histogram / _MACD_FULL_ATR))
    room = view.resistance + view.support
    return Confluence(
        trend=view.trend,
        structure=view.structure,
        momentum=0.5 * (view.rsi / 50.0 - 1.0) + 0.5 * macd,
        levels=(view.resistance - view.support) / room if room > 0.0 else 0.0,
        volume=view.volume_balance * min(view.volume_ratio, _BUSY) / _BUSY,
        regime=1.0 / max(1.0, view.volatility_ratio),
    )
