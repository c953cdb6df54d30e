"""What every rule needs for a call: enough candles, and a price that moves."""

from __future__ import annotations

from crypto_bot.domain.errors import SignalUnavailable
from crypto_bot.domain.market import MarketView


def unready(view: MarketView, min_bars: int) -> SignalUnavailable:
    """Why a rule declines a view with fewer than `min_bars` candles or without an ATR above 0."""
    if view.bars < min_bars:
        return SignalUnavailable(f"needs {min_bars} candles without a gap, has {view.bars}")
    return SignalUnavailable("the price has not moved: there is no ATR for a stop")
