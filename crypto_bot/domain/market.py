"""The inputs of the rules: measurements of one coin at one close."""

from __future__ import annotations

from math import nan
from typing import NamedTuple

from crypto_bot.domain.candle import Candle


class MarketView(NamedTuple):
    """Measurements of one coin from its closed candles up to and including `open_ms`.

    A pure function of a bounded number of candles that never crosses a gap, so it is the same
    live, in replay and after a restart. NaN where the coin has too few candles.
    """

    symbol: str
    open_ms: int
    bars: int
    """Number of contiguous closed candles up to this one (capped at the window)."""
    close: float
    atr: float
    """ATR(14) by Wilder, in price units."""
    rsi: float
    """RSI(14) by Wilder, 0..100."""
    ema_20: float
    change_14: float
    """close / close 14 bars ago - 1."""
    trend_base: float = nan
    """EMA 20 above EMA 50 in ATR, squashed to -1..1."""
    structure: float = nan
    """+1 where the last two swing highs rise and the last two swing lows rise, -1 where they fall;
    each pair counts half."""
    support: float = nan
    """Distance down to the nearest earlier swing, in ATR: 10 where it is further, or nowhere."""
    resistance: float = nan
    """Distance up to the nearest earlier swing, likewise."""
    macd_histogram: float = nan
    """MACD(12, 26, 9) histogram in ATR."""
    volatility_ratio: float = nan
    """Root mean square return of the last 16 bars over that of the last 96."""
    volume_ratio: float = nan
    """Mean volume of the last 4 bars over that of the last 96."""
    volume_balance: float = nan
    """Volume of the last 16 bars, each with the sign of its change, over their volume: -1..1."""
    trend: float = nan
    """The mean of the trends that are known, -1..1; the base timeframe and those below."""
    trend_1: float = nan
    """Trend of the first higher timeframe from its complete candles: EMA 8 above EMA 21 in its ATR,
    squashed to -1..1 (EMA 3 and 6 for weeks)."""
    trend_2: float = nan
    """The same of the second higher timeframe, where there is one."""
    trend_3: float = nan
    trend_4: float = nan


class Bar(NamedTuple):
    """One step of the engine: the candles that closed together, by symbol."""

    open_ms: int
    candles: dict[str, Candle]
