"""Features: a close and a whole history, compared with `ta`. `python benchmarks/features.py`."""

from __future__ import annotations

import statistics
import time
import warnings
from collections.abc import Callable

import numpy as np
import pandas as pd
from ta.momentum import RSIIndicator
from ta.trend import MACD, EMAIndicator
from ta.volatility import AverageTrueRange, BollingerBands

from crypto_bot.domain.candle import Candle
from crypto_bot.domain.market import Bar
from crypto_bot.domain.timeframe import Timeframe
from crypto_bot.features.batch import batch
from crypto_bot.features.live import LiveFeatures
from crypto_bot.features.sets import feature_set
from crypto_bot.market_data.candle_table import CandleTable

M15 = Timeframe.parse("15m")
COUNT = 70_000
COINS = 32
CLOSES = 3_000  # more than 30 days: every block of every window ends among them
REPEATS = 5


def walk(seed: int, count: int = COUNT) -> CandleTable:
    """A random walk with fat tails."""
    rng = np.random.default_rng(seed)
    close = 100.0 * np.exp(np.cumsum(0.003 * rng.standard_t(5, count)))
    opened = np.concatenate(([100.0], close[:-1]))
    reach = np.exp(0.002 * np.abs(rng.standard_normal((2, count))))
    high, low = np.maximum(opened, close) * reach[0], np.minimum(opened, close) / reach[1]
    volume = np.exp(rng.standard_normal(count))
    return CandleTable(
        np.arange(count) * M15.ms, np.column_stack([opened, high, low, close, volume])
    )


def by_ta(coin: CandleTable) -> None:
    """The fifteen classic indicators by `ta` and pandas."""
    _, high, low, close, volume = (pd.Series(column) for column in coin.candles.T)
    macd, bands = MACD(close), BollingerBands(close, 20, 2)
    returns = close.pct_change()
    np.log1p(returns)
    RSIIndicator(close, 14).rsi()
    for line in (macd.macd, macd.macd_signal, macd.macd_diff):
        line()
    AverageTrueRange(high, low, close, 14).average_true_range()
    for span in (20, 50):
        EMAIndicator(close, span).ema_indicator()
    for band in (bands.bollinger_hband, bands.bollinger_mavg, bands.bollinger_lband):
        band()
    bands.bollinger_wband()
    returns.rolling(20).std()
    volume.pct_change()


def best_ms(work: Callable[[], object]) -> float:
    """The shortest of several runs, after one for compiling."""
    work()
    took = []
    for _ in range(REPEATS):
        began = time.perf_counter()
        work()
        took.append(time.perf_counter() - began)
    return min(took) * 1e3


def closes_ms(name: str, coin: CandleTable) -> list[float]:
    """The time of each close of 32 coins, one candle per coin."""
    symbols = [f"C{number:02}USDT" for number in range(COINS - 1)] + ["BTCUSDT"]
    features = feature_set(name)
    live = LiveFeatures(features, M15, symbols)
    candles = [
        Candle(at, *row)
        for at, row in zip(coin.open_ms.tolist(), coin.candles.tolist(), strict=True)
    ]
    since = features.history_bars
    for symbol in symbols:
        live.preload(symbol, candles[:since])
    took = []
    for candle in candles[since : since + CLOSES]:
        bar = Bar(candle.open_ms, dict.fromkeys(symbols, candle))
        began = time.perf_counter()
        live.update(bar)
        took.append((time.perf_counter() - began) * 1e3)
    return took


def main() -> None:
    """Prints the table."""
    warnings.simplefilter("ignore")  # a peer's own warnings
    coin = walk(1)
    peer = best_ms(lambda: by_ta(coin))
    print(f"{COUNT} candles, ta, 15 columns: {peer:.1f} ms")
    for name in ("per_coin_v1", "per_coin_v2"):
        features = feature_set(name)
        took = best_ms(lambda features=features: batch(features, M15, coin, coin))  # type: ignore[misc]  # mypy does not infer lambdas with defaults
        columns = len(features.columns)
        print(f"{COUNT} candles, {name}, {columns} columns: {took:.1f} ms, ta / this = ", end="")
        print(f"{peer / took:.1f}")
    for name in ("per_coin_v1", "per_coin_v2"):
        closes = closes_ms(name, coin)
        print(
            f"a close of {COINS} coins, {name}: median {statistics.median(closes):.3f} ms, ", end=""
        )
        print(f"99 % {np.quantile(closes, 0.99):.3f} ms, longest {max(closes):.3f} ms")


if __name__ == "__main__":
    main()
