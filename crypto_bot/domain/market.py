"""What the rules look at: one coin measured at one close."""

from __future__ import annotations

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
    """Contiguous closed candles seen, this one included (capped at the window)."""
    close: float
    atr: float
    """ATR(14) by Wilder, in price units."""
    rsi: float
    """RSI(14) by Wilder, 0..100."""
    ema_20: float
    change_14: float
    """close / close 14 bars ago - 1."""


class Bar(NamedTuple):
    """One step of the engine: the candles that closed together, by symbol."""

    open_ms: int
    candles: dict[str, Candle]
