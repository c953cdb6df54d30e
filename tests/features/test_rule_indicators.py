"""The indicators of the rules against `ta`, over a window and in steps."""

import warnings
from collections.abc import Sequence

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ta.momentum import RSIIndicator
from ta.trend import MACD, EMAIndicator
from ta.volatility import AverageTrueRange

from crypto_bot.features.indicators import (
    rsi_of,
    softsign,
)
from crypto_bot.features.measurement import COLUMNS, measure, measure_trend
from crypto_bot.market_data.candle_table import CandleTable
from crypto_bot.market_data.observations import Floats
from tests.features.made_candles import real_candles, walk


def last_by_ta(coin: CandleTable) -> dict[str, float]:
    """The indicators after the last candle, by `ta` over the same candles."""
    _, high, low, close, _ = (pd.Series(column) for column in coin.candles.T)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a library's own warnings are not ours to raise
        atr = AverageTrueRange(high, low, close, 14).average_true_range().iloc[-1]
        return {
            "atr": atr,
            "rsi": RSIIndicator(close, 14).rsi().iloc[-1],
            "ema_20": EMAIndicator(close, 20).ema_indicator().iloc[-1],
            "macd_histogram": MACD(close).macd_diff().iloc[-1] / atr,
        }


def measured(high: Floats, low: Floats, close: Floats, volume: Floats) -> dict[str, float]:
    out = np.empty(len(COLUMNS))
    measure(high, low, close, volume, out)
    return dict(zip(COLUMNS, out.tolist(), strict=True))


def agree(coin: CandleTable) -> None:
    found = measured(*(np.ascontiguousarray(column) for column in coin.candles.T[1:]))
    for name, expected in last_by_ta(coin).items():
        assert found[name] == pytest.approx(expected, rel=1e-9, abs=1e-9), name


@pytest.mark.parametrize("count", [34, 35, 60, 97, 256, 2000])
@pytest.mark.parametrize("price", [1e-8, 100.0, 1e6])
def test_a_window_agrees_with_ta_from_its_first_full_value_on(count: int, price: float) -> None:
    agree(walk(count, seed=count, price=price))


def test_real_candles_agree_with_ta() -> None:
    for symbol in ("BTCUSDT", "SOLUSDT", "MANAUSDT"):
        coin = real_candles(symbol, 3000)
        for start in range(0, 2600, 200):
            agree(CandleTable(coin.open_ms[start : start + 256], coin.candles[start : start + 256]))


def test_rsi_of_a_price_that_never_moved_is_neutral_where_ta_says_100() -> None:
    assert rsi_of(0.0, 0.0) == 50.0
    assert rsi_of(1.0, 0.0) == 100.0
    assert rsi_of(0.0, 1.0) == 0.0


def test_softsign_is_bounded_and_odd() -> None:
    assert softsign(2.0, 2.0) == 0.5
    assert softsign(-2.0, 2.0) == -0.5
    assert softsign(1e300, 1e-300) == 1.0
    assert softsign(0.0, 0.0) == 0.0


def columns(closes: Sequence[float], reach: float = 0.5) -> tuple[Floats, Floats, Floats, Floats]:
    close = np.array(closes, np.float64)
    return close + reach, close - reach, close, np.ones(len(close))


def measure_of(
    closes: Sequence[float], volume: Sequence[float] | None = None, reach: float = 0.5
) -> dict[str, float]:
    high, low, close, even = columns(closes, reach)
    return measured(high, low, close, even if volume is None else np.array(volume, np.float64))


def swings(prices: list[float]) -> list[float]:
    """Above all five before and below none of the five after, the newest first."""
    return [
        prices[i]
        for i in range(len(prices) - 6, 4, -1)
        if prices[i] > max(prices[i - 5 : i]) and prices[i] >= max(prices[i + 1 : i + 6])
    ]


@settings(deadline=None)  # the first call compiles
@given(
    closes=st.lists(st.integers(50, 56), min_size=15, max_size=120),
    reach=st.sampled_from([0.5, 1.0]),
)
def test_swings_follow_their_definition_where_prices_are_equal_too(
    closes: list[int], reach: float
) -> None:
    high, low, close, _ = columns(closes, reach)
    found = measure_of(closes, reach=reach)
    tops = swings(high.tolist())
    bottoms = [-price for price in swings((-low).tolist())]
    structure = sum(
        0.5 * np.sign(side[0] - side[1]) if len(side) > 1 else 0.0 for side in (tops, bottoms)
    )
    last, atr = close[-1], found["atr"]
    below = [(last - price) / atr for price in tops + bottoms if price <= last]
    above = [(price - last) / atr for price in tops + bottoms if price > last]
    assert found["structure"] == structure
    assert found["support"] == pytest.approx(min([*below, 10.0]))
    assert found["resistance"] == pytest.approx(min([*above, 10.0]))


def test_volatility_and_volume_compare_the_last_bars_with_the_last_96() -> None:
    alternating = [100.0 * 1.01 ** (i % 2) for i in range(130)]
    even = measure_of(alternating)
    assert even["volatility_ratio"] == pytest.approx(1.0)
    assert even["volume_ratio"] == pytest.approx(1.0)
    assert even["volume_balance"] == 0.0
    quiet = measure_of(alternating[:114] + [alternating[113]] * 16)
    assert quiet["volatility_ratio"] == 0.0
    rising = measure_of([100.0 + i for i in range(130)], [1.0] * 126 + [5.0] * 4)
    assert rising["volume_ratio"] == pytest.approx(5.0 / ((92 + 20) / 96))
    assert rising["volume_balance"] == 1.0
    dry = measure_of([100.0 + i for i in range(130)], [0.0] * 130)
    assert (dry["volume_ratio"], dry["volume_balance"]) == (0.0, 0.0)


def test_a_trend_needs_its_slow_span_and_has_the_sign_of_the_move() -> None:
    high, low, close, _ = columns([100.0 + i for i in range(30)])
    assert np.isnan(measure_trend(high[:20], low[:20], close[:20], 8, 21))
    assert 0.5 < measure_trend(high, low, close, 8, 21) < 1.0
    high, low, close, _ = columns([100.0 - i for i in range(30)])
    assert -1.0 < measure_trend(high, low, close, 8, 21) < -0.5
    assert measure_trend(*columns([100.0] * 30, reach=0.0)[:3], 8, 21) == 0.0


def test_each_value_appears_with_the_candle_that_completes_it() -> None:
    first = {
        "close": 1, "atr": 14, "rsi": 14, "change_14": 15, "structure": 15, "support": 15,
        "resistance": 15, "ema_20": 20, "macd_histogram": 34, "trend_base": 50,
        "volatility_ratio": 97, "volume_ratio": 97, "volume_balance": 97,
    }  # fmt: skip
    assert set(first) == set(COLUMNS)
    closes = [100.0 + i % 7 for i in range(100)]
    for count in range(1, 100):
        found = measure_of(closes[:count])
        known = {name for name, value in found.items() if not np.isnan(value)}
        assert known == {name for name, bars in first.items() if count >= bars}, count
