"""`per_coin_v1` against `ta` and pandas, on generated and real candles."""

import warnings

import numpy as np
import pandas as pd
import pytest
from ta.momentum import RSIIndicator
from ta.trend import MACD, EMAIndicator
from ta.volatility import AverageTrueRange, BollingerBands

from crypto_bot.domain.timeframe import Timeframe
from crypto_bot.features.batch import batch
from crypto_bot.features.sets import feature_set
from crypto_bot.market_data.candle_table import CandleTable
from tests.features.made_candles import real_candles, walk

TF = Timeframe.parse("15m")
PRICED = (
    *("macd", "macd_signal", "macd_diff", "atr_14", "ema_20", "ema_50"),
    *("bb_upper", "bb_middle", "bb_lower"),
)


def by_ta(coin: CandleTable) -> pd.DataFrame:
    _, high, low, close, volume = (pd.Series(column) for column in coin.candles.T)
    macd, bands = MACD(close), BollingerBands(close, 20, 2)
    returns = close.pct_change()
    return pd.DataFrame(
        {
            "returns": returns,
            "log_returns": np.log(close / close.shift()),
            "rsi_14": RSIIndicator(close, 14).rsi(),
            "macd": macd.macd(),
            "macd_signal": macd.macd_signal(),
            "macd_diff": macd.macd_diff(),
            "atr_14": AverageTrueRange(high, low, close, 14).average_true_range(),
            "ema_20": EMAIndicator(close, 20).ema_indicator(),
            "ema_50": EMAIndicator(close, 50).ema_indicator(),
            "bb_upper": bands.bollinger_hband(),
            "bb_middle": bands.bollinger_mavg(),
            "bb_lower": bands.bollinger_lband(),
            "bb_width": bands.bollinger_wband(),
            "volatility": returns.rolling(20).std(),
            "volume_change": volume.pct_change(),
        }
    )


def check(coin: CandleTable) -> None:
    features = feature_set("per_coin_v1")
    found = batch(features, TF, coin)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a library's own warnings are not ours to raise
        expected = by_ta(coin)
    price = coin.candles[found.valid, 3]
    for place, name in enumerate(features.columns):
        off = np.abs(found.rows[found.valid, place] - expected[name].to_numpy()[found.valid])
        # prices and their differences: relative to the price; percents and RSI: to 100
        whole = {"rsi_14": 100.0, "bb_width": 100.0}.get(name, 1.0)
        known = np.isfinite(off)  # pandas divides by a volume of zero
        assert known.mean() > 0.95
        assert (off / (price if name in PRICED else whole))[known].max() < 1e-9


def test_generated_candles_agree() -> None:
    check(walk(6000, 21))
    check(walk(6000, 22, price=3e-5))


@pytest.mark.parametrize("symbol", ["BTCUSDT", "DOGEUSDT"])
def test_real_candles_agree(symbol: str) -> None:
    check(real_candles(symbol, 20_000))
