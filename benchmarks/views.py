"""Views and rules: a close, a long replay and a first start, beside `ta`.

Run it as `python benchmarks/views.py`.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Sequence

import numpy as np
import pandas as pd
from ta.momentum import RSIIndicator
from ta.trend import MACD, EMAIndicator
from ta.volatility import AverageTrueRange

from benchmarks.features import walk
from crypto_bot.domain.candle import Candle
from crypto_bot.domain.market import Bar, MarketView
from crypto_bot.domain.timeframe import Timeframe
from crypto_bot.features.memory import BASE_WINDOW
from crypto_bot.features.views import RuleViews
from crypto_bot.ports import SignalSource
from crypto_bot.signals.analyzer import ProfessionalAnalyzer
from crypto_bot.signals.hold import Hold
from crypto_bot.signals.momentum import Momentum
from crypto_bot.signals.rsi_ma import RsiMa

M15 = Timeframe.parse("15m")
COINS = 32
SYMBOLS = [f"C{number:02}USDT" for number in range(COINS)]
BARS = 3_000  # after the history: every higher timeframe but the week closes many times
PEER_REPEATS = 15
STARTS = 3

START = """
import time
began = time.perf_counter()
from crypto_bot.domain.candle import Candle
from crypto_bot.domain.market import Bar
from crypto_bot.domain.timeframe import Timeframe
from crypto_bot.features.views import RuleViews
views = RuleViews(["A"], Timeframe.parse("15m"))
views.preload("A", [])
views.update(Bar(0, {"A": Candle(0, 1.0, 1.0, 1.0, 1.0, 1.0)}))
print(time.perf_counter() - began)
"""


def candles(count: int, seed: int) -> list[Candle]:
    """A random walk with fat tails."""
    table = walk(seed, count)
    return list(map(Candle, table.open_ms.tolist(), *table.candles.T.tolist()))


def print_row(name: str, took_us: Sequence[float]) -> None:
    """One line: the time for one coin and candle."""
    low, middle, high = np.quantile(took_us, [0.05, 0.5, 0.95]) / COINS
    print(
        f"{name}: median {middle:.2f} µs for each coin and candle, 5 % {low:.2f}, 95 % {high:.2f}"
    )


def replay(coins: Sequence[Sequence[Candle]]) -> None:
    """All coins bar by bar, with the calls of each source."""
    views = RuleViews(SYMBOLS, M15)
    since = views.history_bars
    for symbol, candles in zip(SYMBOLS, coins, strict=True):
        views.preload(symbol, candles[:since])
    sources: list[SignalSource] = [ProfessionalAnalyzer(M15), RsiMa(), Momentum(M15), Hold()]
    took: dict[str, list[float]] = {"update": [], **{source.source: [] for source in sources}}
    for at in range(since, since + BARS):
        bar = Bar(
            at * M15.ms, {symbol: coin[at] for symbol, coin in zip(SYMBOLS, coins, strict=True)}
        )
        began = time.perf_counter()
        seen: Sequence[MarketView] = list(views.update(bar).values())
        took["update"].append((time.perf_counter() - began) * 1e6)
        for source in sources:
            began = time.perf_counter()
            source.calls(seen)
            took[source.source].append((time.perf_counter() - began) * 1e6)
    for name, runs in took.items():
        print_row(name, runs)
    whole_s = sum(map(sum, took.values())) / 1e6
    print(f"views and all four sources: {BARS * COINS / whole_s:,.0f} candles/s")


def by_ta(window: pd.DataFrame) -> None:
    """The indicators of `ta` that are also in the views."""
    close = window["close"]
    AverageTrueRange(window["high"], window["low"], close, 14).average_true_range()
    RSIIndicator(close, 14).rsi()
    for span in (20, 50):
        EMAIndicator(close, span).ema_indicator()
    MACD(close).macd_diff()


def peer(coins: Sequence[Sequence[Candle]]) -> None:
    """`ta` on the last window of every coin: the time that five indicators would add."""
    windows = [pd.DataFrame(coin[-BASE_WINDOW:]) for coin in coins]
    took = []
    for _ in range(PEER_REPEATS):
        began = time.perf_counter()
        for window in windows:
            by_ta(window)
        took.append((time.perf_counter() - began) * 1e3)
    print(
        f"ta, five indicators of {COINS} windows: median {statistics.median(took):.0f} ms "
        f"({min(took):.0f} to {max(took):.0f})"
    )


def starts() -> None:
    """From the start of a process to its first view, without and with compiled kernels."""
    cold: list[float] = []
    warm: list[float] = []
    for _ in range(STARTS):
        with tempfile.TemporaryDirectory() as cache:
            environment = os.environ | {"NUMBA_CACHE_DIR": cache}
            for took in (cold, warm):
                run = subprocess.run(
                    [sys.executable, "-c", START],
                    env=environment,
                    check=True,
                    capture_output=True,
                    text=True,
                )
                took.append(float(run.stdout))
    for name, took in (("compiling", cold), ("compiled before", warm)):
        print(
            f"start to the first view, {name}: median {statistics.median(took):.2f} s "
            f"({min(took):.2f} to {max(took):.2f})"
        )


def main() -> None:
    """Prints the table."""
    warnings.simplefilter("ignore")  # a peer's own warnings
    history = RuleViews(SYMBOLS, M15).history_bars
    coins = [candles(history + BARS, seed) for seed in range(COINS)]
    replay(coins)
    peer(coins)
    starts()


if __name__ == "__main__":
    main()
