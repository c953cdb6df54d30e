"""`daily_20`, `mtf_42` and `classic_csv` against `ta` and pandas, masked, live and restarted."""

import warnings
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from ta.momentum import RSIIndicator
from ta.trend import MACD, EMAIndicator, IchimokuIndicator, SMAIndicator
from ta.volatility import AverageTrueRange, BollingerBands

from crypto_bot.domain.instant import DAY_MS
from crypto_bot.domain.market import Bar
from crypto_bot.domain.timeframe import Timeframe
from crypto_bot.features.batch import batch
from crypto_bot.features.live import LiveFeatures
from crypto_bot.features.sets import feature_set
from crypto_bot.market_data.candle_table import CandleTable
from crypto_bot.market_data.observations import Observations, read_series
from crypto_bot.ports.market_data import Observation
from tests.features.grouped import ALL_GROUPS
from tests.features.made_candles import candles_of, walk

M15, DAY = Timeframe.parse("15m"), Timeframe.parse("1d")
SETS = ("daily_20", "mtf_42", "classic_csv", ALL_GROUPS)


class Made:
    """A value a day, which says nothing between the 40th and the 50th."""

    def __init__(self, name: str, step_ms: int) -> None:
        self.name, self._step_ms = name, step_ms

    def read(self, symbol: str, since_ms: int, until_ms: int) -> list[Observation]:
        step_ms = self._step_ms
        days = range(-(-since_ms // step_ms), until_ms // step_ms + 1)
        return [Observation(at * step_ms, 1e6 + at % 7) for at in days if not 40 < at % 500 < 50]


def on_days(count: int, seed: int, *, missing: tuple[int, ...] = ()) -> CandleTable:
    made = walk(count, seed, missing=missing)
    return CandleTable(
        (made.open_ms - made.open_ms[0]) // M15.ms * DAY_MS + 20_000 * DAY_MS, made.candles
    )


def by_ta(coin: CandleTable) -> pd.DataFrame:
    """The ten of each timeframe of `mtf_42`."""
    _, high, low, close, volume = (pd.Series(column) for column in coin.candles.T)
    cloud, returns = IchimokuIndicator(high, low), pd.Series(np.log(close / close.shift()))
    return pd.DataFrame(
        {
            "ret1": close.pct_change(),
            "rv_24": returns.rolling(24).std(),
            "rsi": RSIIndicator(close).rsi(),
            "macd": MACD(close).macd() / close,
            "ich_a": cloud.ichimoku_a() / close - 1.0,
            "ich_b": cloud.ichimoku_b() / close - 1.0,
            "atr": AverageTrueRange(high, low, close).average_true_range() / close,
            "trend_up": (close > close.rolling(50).mean()).astype(float),
            "close": close / close.rolling(24).mean() - 1.0,
            "volume": np.log(volume / volume.rolling(24).mean()),
        }
    )


def grouped(coin: CandleTable, count: int) -> CandleTable:
    """Candles of `count` of those of `coin` each, by pandas; whole ones alone."""
    bars = coin.open_ms // M15.ms
    frame = pd.DataFrame(coin.candles, columns=list("ohlcv")).groupby(bars // count)
    made = frame.agg({"o": "first", "h": "max", "l": "min", "c": "last", "v": "sum"})
    made = made[frame.size() == count]
    return CandleTable(made.index.to_numpy() * count * M15.ms, made.to_numpy())


@pytest.mark.parametrize("coin", [walk(7_300, 21), walk(7_301, 22, price=3e-5)])
def test_mtf_42_is_what_ta_and_pandas_make_of_closed_candles(coin: CandleTable) -> None:
    features = feature_set("mtf_42")
    found = batch(features, M15, coin, symbol="ETHUSDT")
    assert np.array_equal(found.valid, np.arange(coin.open_ms.size) >= 847)
    closes_ms = coin.open_ms[found.valid] + M15.ms
    for multiple in (1, 4, 16):
        longer = grouped(coin, multiple)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a library's own warnings are not ours to raise
            expected = by_ta(longer)
        newest = np.searchsorted(longer.open_ms + multiple * M15.ms, closes_ms, side="right") - 1
        for name in expected:
            place = features.columns.index(f"{name}_x{multiple}")
            off = np.abs(found.rows[found.valid, place] - expected[name].to_numpy()[newest]) / (
                100.0 if name == "rsi" else 1.0
            )
            known = np.isfinite(off)  # the logarithm of no volume
            assert known.mean() > 0.9
            assert off[known].max() < 1e-9, (name, multiple)
    which = [features.columns.index(f"is_{coin}") for coin in ("btc", "eth", "bnb", "sol")]
    assert (found.rows[found.valid][:, which] == [0.0, 1.0, 0.0, 0.0]).all()


def test_daily_20_is_what_ta_makes_of_a_short_history() -> None:
    """Within one block nothing is forgotten: the whole history is what is measured."""
    coin = on_days(350, 23)
    known = Observations(coin.open_ms[50:] + DAY_MS, 1e9 * coin.candles[50:, 3])
    coin = replace(coin, observed={"market_cap": known})
    features = feature_set("daily_20")
    found = batch(features, DAY, coin)
    assert np.array_equal(found.valid, np.arange(350) >= 99)
    _, high, low, close, volume = (pd.Series(column) for column in coin.candles.T)
    macd, bands = MACD(close), BollingerBands(close)
    cap = pd.Series(np.nan, index=close.index)
    cap[50:] = coin.candles[50:, 3]
    traded = volume.where(volume > 0.0)
    expected = {
        "close": np.log(close / close.rolling(90).mean()),
        "change_1h": close.pct_change(),
        "change_24h": close.pct_change(24),
        "hl_spread": (high - low) / close,
        "log_returns": np.log(close / close.shift()),
        "rsi": RSIIndicator(close).rsi(),
        "macd": macd.macd() / close,
        "macd_signal": macd.macd_signal() / close,
        "bb_upper": bands.bollinger_hband() / close - 1.0,
        "bb_lower": bands.bollinger_lband() / close - 1.0,
        "ema_20": EMAIndicator(close, 20).ema_indicator() / close - 1.0,
        "ema_50": EMAIndicator(close, 50).ema_indicator() / close - 1.0,
        "volume_ma": np.log(volume.rolling(20).mean() / volume.rolling(90).mean()),
        "volume": np.log(traded / volume.rolling(90).mean()),
        "volume_change": (traded / traded.shift() - 1.0).clip(upper=10.0),
        "market_cap": np.log(cap / cap.rolling(90, min_periods=1).mean()),
        "market_cap_change": cap.pct_change(),
    }
    for name, values in expected.items():
        off = np.abs(found.rows[:, features.columns.index(name)] - values)[found.valid]
        assert off.notna().mean() > 0.9
        assert off.max() < 1e-9, name
    by_name = dict(zip(features.columns, found.rows[-1].tolist(), strict=True))
    assert (by_name["market_cap_known"], by_name["market_cap_change_known"]) == (1.0, 1.0)
    assert {by_name[name] for name in features.columns if "s" in name[:1]} == {0.0}


def test_classic_csv_by_hand() -> None:
    coin, features = walk(300, 24), feature_set("classic_csv")
    found = batch(features, M15, coin)
    assert np.array_equal(found.valid, np.arange(300) >= 59)
    *prices, volume = (pd.Series(column) for column in coin.candles.T)
    close = prices[-1]
    row = dict(zip(features.columns, found.rows[-1].tolist(), strict=True))
    before = close.iloc[-2]
    assert row == pytest.approx(
        {
            **dict(
                zip(
                    ("open", "high", "low", "close"),
                    [p.iloc[-1] / before - 1.0 for p in prices],
                    strict=True,
                )
            ),
            "volume": np.log(volume.iloc[-1] / volume[-50:].mean()),
            "sma_20": close[-20:].mean() / close.iloc[-1] - 1.0,
            "sma_50": SMAIndicator(close, 50).sma_indicator().iloc[-1] / close.iloc[-1] - 1.0,
            "rsi_14": RSIIndicator(close).rsi().iloc[-1],
            "macd": MACD(close).macd().iloc[-1] / close.iloc[-1],
            "volume_ratio": volume.iloc[-1] / volume[-20:].mean(),
        },
        abs=1e-9,
    )


@pytest.mark.parametrize("name", SETS)
def test_live_and_after_a_restart_the_bits_are_those_of_all_at_once(name: str) -> None:
    features, timeframe = feature_set(name), DAY if name == "daily_20" else M15
    made = on_days if name == "daily_20" else walk
    count, gap = features.history_bars + 1_000, 300
    coin = made(count, 25, missing=(gap,))
    series = {each.series: Made(each.series, timeframe.ms) for each in features.series}
    closes_ms = int(coin.open_ms[0]) + timeframe.ms, int(coin.open_ms[-1]) + timeframe.ms
    observed = read_series(series, features.series, "BNBUSDT", closes_ms)
    whole = batch(features, timeframe, replace(coin, observed=observed), symbol="BNBUSDT")
    candles = candles_of(coin)
    for since in (gap - 4, gap + 110, count - 50):
        live = LiveFeatures(features, timeframe, ["BNBUSDT"], series)
        live.preload("BNBUSDT", candles[max(0, since - features.history_bars + 1) : since])
        for at in range(since, since + 8):
            found = live.update(Bar(candles[at].open_ms, {"BNBUSDT": candles[at]}))
            assert found.rows[0].tobytes() == whole.rows[at].tobytes()
            assert found.valid[0] == whole.valid[at]
            assert np.array_equal(found.known[0], whole.known[at])


@pytest.mark.parametrize("name", SETS)
def test_without_any_series_rows_are_valid_and_masked(name: str) -> None:
    features = feature_set(name)
    found = batch(features, M15, walk(1_200, 26), symbol="DOGEUSDT")
    assert not found.known.any()
    masked = [k for k, column in enumerate(features.columns) if column.endswith("_known")]
    kept = found.rows[found.valid]
    assert kept.shape[0] > 300
    assert np.isfinite(kept).all()
    assert (kept[:, masked] == 0.0).all()


@pytest.mark.parametrize("name", SETS)
def test_a_market_that_does_not_move_has_finite_rows(name: str) -> None:
    still = np.tile([5.0, 5.0, 5.0, 5.0, 0.0], (1_000, 1))
    found = batch(feature_set(name), M15, CandleTable(np.arange(1_000) * M15.ms, still), symbol="X")
    assert found.valid[-1]
    assert np.isfinite(found.rows[found.valid]).all()


def test_a_set_that_tells_coins_apart_needs_the_symbol() -> None:
    with pytest.raises(ValueError, match="mtf_42 reads which coin it is"):
        batch(feature_set("mtf_42"), M15, walk(10, 27))
