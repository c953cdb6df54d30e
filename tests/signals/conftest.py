"""A view to vary: a coin of which all is measured and nothing is remarkable."""

import pytest

from crypto_bot.domain.market import MarketView


@pytest.fixture
def calm() -> MarketView:
    return MarketView(
        symbol="BTCUSDT",
        open_ms=1_764_547_200_000,
        bars=256,
        close=100.0,
        atr=0.5,
        rsi=50.0,
        ema_20=100.0,
        change_14=0.0,
        trend_base=0.0,
        structure=0.0,
        support=3.0,
        resistance=3.0,
        macd_histogram=0.0,
        volatility_ratio=1.0,
        volume_ratio=1.0,
        volume_balance=0.0,
        trend=0.0,
        trend_1=0.0,
        trend_2=0.0,
        trend_3=0.0,
        trend_4=0.0,
    )
