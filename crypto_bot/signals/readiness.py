"""What every rule needs for a call: enough candles, and a price that moves."""

from __future__ import annotations

import numpy as np

from crypto_bot.domain.errors import SignalUnavailable
from crypto_bot.domain.market import MarketView
from crypto_bot.features.views import ViewColumns
from crypto_bot.market_data.observations import Booleans, Integers


def unready(view: MarketView, min_bars: int) -> SignalUnavailable:
    """Why a rule declines a view with fewer than `min_bars` candles or without an ATR above 0."""
    if view.bars < min_bars:
        return SignalUnavailable(f"needs {min_bars} candles without a gap, has {view.bars}")
    return SignalUnavailable("the price has not moved: there is no ATR for a stop")


def sides_of(views: ViewColumns, min_bars: int, long: Booleans, short: Booleans) -> Integers:
    """1 where `long`, -1 where `short`, 0 elsewhere and where a coin is not ready, [n] each."""
    ready = (views.bars >= min_bars) & (views.atr > 0.0)
    return (ready & long).astype(np.int64) - (ready & short)
