"""Position sizing, before exposure caps."""

from __future__ import annotations

from decimal import Decimal
from math import sqrt
from typing import NamedTuple

from crypto_bot.domain.instant import DAY_MS
from crypto_bot.domain.paper import Sizing, SizingPlan
from crypto_bot.domain.signal import Pred, Signal

_RANGE_OF_SIGMA = 1.595769121605731
"""E[high - low] of a Gaussian walk over its standard deviation, sqrt(8 / pi) (Parkinson 1980)."""
_PLACES = Decimal("1e-12")


class Bet(NamedTuple):
    """The inputs of sizing."""

    signal: Signal
    equity: Decimal
    entry: Decimal
    stop: Decimal
    """Distance to the stop, price units."""
    target: Decimal
    """Distance to the first target, price units."""
    cost_bps: float
    """Cost of a round trip."""
    timeframe_ms: int


def size_of(plan: SizingPlan, bet: Bet) -> Decimal:
    """The position size in the quote currency; 0 if the method finds no edge."""
    if plan.method is Sizing.FIXED_FRACTION:
        return fixed_fraction(plan.risk, bet)
    if plan.method is Sizing.VOLATILITY_TARGET:
        return volatility_target(plan.daily_volatility, bet)
    return kelly(plan.kelly_fraction, plan.risk, bet)


def fixed_fraction(risk: Decimal, bet: Bet) -> Decimal:
    """The size at which the stop loses `risk` of the equity before costs."""
    return bet.equity * risk * bet.entry / bet.stop


def volatility_target(daily: Decimal, bet: Bet) -> Decimal:
    """The size at which a day's standard deviation is `daily` of the equity.

    The coin's volatility is taken from its ATR: the range of a candle is 1.596 standard deviations
    of its return, and the variance of a day is that of its candles.
    """
    atr = bet.signal.atr or 0.0
    if atr <= 0.0:
        return Decimal(0)
    of_candle = atr / float(bet.entry) / _RANGE_OF_SIGMA
    of_day = of_candle * sqrt(DAY_MS / bet.timeframe_ms)
    return bet.equity * daily / Decimal(of_day).quantize(_PLACES)


def kelly(fraction: Decimal, most: Decimal, bet: Bet) -> Decimal:
    """`fraction` of the bet that maximises the expected logarithm of wealth (Kelly 1956).

    The trade wins w with the probability of its own side, loses l with that of the opposite
    side, and breaks even otherwise; w and l are shares of the entry after costs. The growth
    p ln(1 + f w) + q ln(1 - f l) is maximal at f = (p w - q l) / ((p + q) w l). At most `most` of
    the equity is risked. The probabilities are the signal's, which are calibrated or tracked rates.
    """
    cost = bet.cost_bps / 1e4
    win = float(bet.target / bet.entry) - cost
    loss = float(bet.stop / bet.entry) + cost
    other = Pred.SHORT if bet.signal.pred is Pred.LONG else Pred.LONG
    right = bet.signal.probabilities.of(bet.signal.pred)
    wrong = bet.signal.probabilities.of(other)
    edge = right * win - wrong * loss
    if win <= 0.0 or edge <= 0.0:
        return Decimal(0)
    full = Decimal(edge / ((right + wrong) * win * loss)).quantize(_PLACES)
    return min(bet.equity * fraction * full, fixed_fraction(most, bet))
