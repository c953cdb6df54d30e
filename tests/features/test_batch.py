"""Live, batch and restart give the same bits; validity of rows."""

import pickle
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from crypto_bot.domain.candle import Candle
from crypto_bot.domain.errors import BadCandles, ConfigError
from crypto_bot.domain.market import Bar
from crypto_bot.domain.timeframe import Timeframe
from crypto_bot.features.batch import batch
from crypto_bot.features.live import LiveFeatures
from crypto_bot.features.sets import FeatureSet, feature_set, schema_hash
from crypto_bot.market_data.candle_table import CandleTable
from crypto_bot.market_data.observations import Booleans, Floats, read_series
from tests.features.made_candles import candles_of, walk
from tests.market_data.made_funding import MadeFunding

TF = Timeframe.parse("15m")
SETS = ("per_coin_v1", "per_coin_v2")
SERIES = {"made_funding": MadeFunding()}
COIN, LEADER = "SOLUSDT", "BTCUSDT"
GAP = 1200
LED = ("lead_ret_1", "lead_ret_4", "lead_ret_16", "ret_16_beyond_lead")
COUNT = 7000


def observed(features: FeatureSet, coin: CandleTable) -> CandleTable:
    """With all that the features read of data series."""
    closes_ms = int(coin.open_ms[0]) + TF.ms, int(coin.open_ms[-1]) + TF.ms
    return replace(coin, observed=read_series(SERIES, features.series, COIN, closes_ms))


def fed(
    features: FeatureSet,
    coin: CandleTable,
    leader: CandleTable,
    *,
    since: int,
    preload: int,
    until: int,
) -> tuple[Floats, Booleans, Booleans]:
    """Rows of the coin's candles `since` to `until`, live, restarted with `preload` candles."""
    live = LiveFeatures(features, TF, [COIN, LEADER], SERIES)
    coins = candles_of(coin)
    leaders = candles_of(leader)
    start_ms = coins[since].open_ms
    live.preload(COIN, coins[max(0, since - preload) : since])
    live.preload(LEADER, [c for c in leaders if c.open_ms < start_ms][-preload:] if preload else [])
    last_ms = coins[until - 1].open_ms
    candles: dict[int, dict[str, Candle]] = {}
    for symbol, each in ((COIN, coins), (LEADER, leaders)):
        for candle in each:
            candles.setdefault(candle.open_ms, {})[symbol] = candle
    rows, valid, known = [], [], []
    for open_ms in sorted(candles):
        if start_ms <= open_ms <= last_ms:
            found = live.update(Bar(open_ms, candles[open_ms]))
            if COIN in candles[open_ms]:
                rows.append(found.rows[0])
                valid.append(found.valid[0])
                known.append(found.known[0])
    return np.array(rows), np.array(valid), np.array(known)


@pytest.mark.parametrize("name", [*SETS, "funded"])
def test_one_by_one_and_after_a_restart_the_bits_are_those_of_all_at_once(name: str) -> None:
    features = feature_set(name)
    coin, leader = walk(COUNT, 1, missing=(GAP,)), walk(COUNT, 2, missing=(5000,), price=60_000.0)
    whole = batch(features, TF, observed(features, coin), leader)
    assert whole.valid.sum() > 2000
    assert not whole.known.shape[1] or 0.1 < whole.known.mean() < 0.9
    count = coin.open_ms.size
    restarts = [
        (at, at + 20) for at in np.random.default_rng(0).integers(GAP, count - 20, 6).tolist()
    ]
    preload = features.history_bars - 1
    for since, until in ((0, count), *restarts):
        rows, *flags = fed(features, coin, leader, since=since, preload=preload, until=until)
        assert rows.tobytes() == whole.rows[since:until].tobytes()
        for found, expected in zip(flags, whole[1:], strict=True):
            assert np.array_equal(found, expected[since:until])


@pytest.mark.parametrize("name", SETS)
def test_rows_are_valid_after_the_warm_up_and_use_nothing_before_a_gap(name: str) -> None:
    features = feature_set(name)
    coin, leader = walk(4000, 5, missing=(GAP,)), walk(4000, 6)
    found = batch(features, TF, coin, leader)
    # the first run has candles 0 to 1199, the second the other 2799
    expected = np.concatenate((np.arange(1200) >= 799, np.arange(2799) >= 799))
    assert np.array_equal(found.valid, expected)
    assert np.isfinite(found.rows[found.valid]).all()
    assert np.isnan(found.rows[~found.valid]).all()
    alone = batch(features, TF, CandleTable(coin.open_ms[GAP:], coin.candles[GAP:]), leader)
    assert found.rows[GAP:].tobytes() == alone.rows.tobytes()


def test_a_missing_candle_of_the_leader_masks_its_columns_and_is_not_filled() -> None:
    features = feature_set("per_coin_v2")
    coin, leader = walk(3000, 7), walk(3000, 8, missing=(1500,))
    found, alone = batch(features, TF, coin, leader), batch(features, TF, coin)
    index = np.arange(3000)
    assert np.array_equal(found.valid, index >= 799)
    known = (index >= 799) & ((index < 1500) | (index >= 2300))
    assert np.array_equal(found.known[:, 0], known)
    assert not alone.known.any()
    led = np.array([name in LED for name in features.columns])
    assert (found.rows[found.valid & ~known][:, led] == 0.0).all()
    assert (np.abs(found.rows[known][:, led]).max(axis=0) > 0.1).all()
    assert np.array_equal(found.rows[:, ~led], alone.rows[:, ~led], equal_nan=True)
    assert (alone.rows[alone.valid][:, led] == 0.0).all()


def test_volume_restarts_where_the_market_changes() -> None:
    coin, leader = walk(4000, 9), walk(4000, 10)
    features = feature_set("per_coin_v2")
    cut = 2000
    scaled = CandleTable(coin.open_ms, coin.candles.copy())
    scaled.candles[:cut, 4] *= 6.0  # another market's volume before the cut
    since = [int(coin.open_ms[cut])]
    one = batch(features, TF, coin, leader, market_since_ms=since)
    other = batch(features, TF, scaled, leader, market_since_ms=since)
    index = np.arange(4000)
    assert np.array_equal(one.valid, (index >= 799) & ((index < cut) | (index >= cut + 671)))
    assert one.rows[cut:].tobytes() == other.rows[cut:].tobytes()
    # and the scale of a market does not matter before it either
    assert np.allclose(one.rows[:cut], other.rows[:cut], atol=1e-7, equal_nan=True)


def test_float32_rows_are_rounded() -> None:
    coin, leader = walk(9000, 11), walk(9000, 12)  # more than one chunk
    features = feature_set("per_coin_v2")
    exact = batch(features, TF, coin, leader).rows
    short = batch(features, TF, coin, leader, dtype=np.float32).rows
    assert short.dtype == np.float32
    assert np.array_equal(short, exact.astype(np.float32), equal_nan=True)


def test_a_market_that_does_not_move_is_neutral() -> None:
    count = 1000
    still = np.tile([5.0, 5.0, 5.0, 5.0, 0.0], (count, 1))
    coin = CandleTable(1_700_000_100_000 // TF.ms * TF.ms + np.arange(count) * TF.ms, still)
    for name in SETS:
        features = feature_set(name)
        found = batch(features, TF, coin, coin)
        assert found.valid[-1]
        row = dict(zip(features.columns, found.rows[-1].tolist(), strict=True))
        assert np.isfinite(found.rows[-1]).all()
        assert row["rsi_14"] == (50.0 if name == "per_coin_v1" else 0.0)
        assert row["macd"] == pytest.approx(0.0, abs=1e-12)


@pytest.mark.parametrize(
    ("column", "value"),
    [(0, np.nan), (3, np.nan), (4, np.nan), (4, np.inf), (2, -1.0), (1, 0.1), (4, -3.0)],
)
def test_invalid_candles_are_refused(column: int, value: float) -> None:
    coin = walk(50, 13)
    coin.candles[30, column] = value
    with pytest.raises(BadCandles, match="candles: row 30 cannot be true"):
        batch(feature_set("per_coin_v1"), TF, coin)


@pytest.mark.parametrize("moved_ms", [1, -TF.ms])
def test_off_grid_times_and_disorder_are_refused(moved_ms: int) -> None:
    coin = walk(50, 13)
    coin.open_ms[20] += moved_ms
    with pytest.raises(BadCandles, match="row 20"):
        batch(feature_set("per_coin_v1"), TF, coin)


def test_live_refuses_an_old_candle_and_marks_a_missing_one() -> None:
    features = feature_set("per_coin_v1")
    candles = candles_of(walk(900, 14))
    live = LiveFeatures(features, TF, ["AUSDT", "BUSDT"])
    for symbol in live.symbols:
        live.preload(symbol, candles[:-1])
    found = live.update(Bar(candles[-1].open_ms, {"BUSDT": candles[-1]}))
    assert found.valid.tolist() == [False, True]
    with pytest.raises(ValueError, match="not a new one"):
        live.update(Bar(candles[-1].open_ms, {"BUSDT": candles[-1]}))


def test_a_coin_may_arrive_later_than_the_leader_but_not_twice() -> None:
    features = feature_set("per_coin_v2")
    coin, leader = walk(1003, 17), walk(1003, 18)
    whole = batch(features, TF, coin, leader)
    live = LiveFeatures(features, TF, [COIN])
    coins, leaders = candles_of(coin), candles_of(leader)
    live.preload(COIN, coins[:1000])
    live.preload(LEADER, leaders[:1001])
    live.update(Bar(leaders[1001].open_ms, {LEADER: leaders[1001]}))
    for at in (1000, 1001):
        found = live.update(Bar(coins[at].open_ms, {COIN: coins[at]}))
        assert found.rows[0].tobytes() == whole.rows[at].tobytes()
    with pytest.raises(ValueError, match="BTCUSDT: candle"):
        live.update(Bar(coins[1001].open_ms, {LEADER: leaders[1001]}))
    # what was refused has changed nothing
    found = live.update(Bar(coins[1002].open_ms, {COIN: coins[1002], LEADER: leaders[1002]}))
    assert found.rows[0].tobytes() == whole.rows[1002].tobytes()


def test_the_reason_of_an_invalid_row() -> None:
    candles = candles_of(walk(1000, 19))
    live = LiveFeatures(feature_set("per_coin_v2"), TF, [COIN])
    live.preload(COIN, candles[:400])
    assert "SOLUSDT has 400 candles since its last gap, per_coin_v2 needs 800" in (
        live.why_not_valid(COIN)
    )
    live.preload(COIN, candles[:900])
    assert not live.update(Bar(candles[900].open_ms, {LEADER: candles[900]})).valid[0]
    assert "a candle of SOLUSDT is missing" in live.why_not_valid(COIN)


WARM_UPS = {"1m": 800, "5m": 800, "15m": 800, "1h": 800, "4h": 600, "1d": 100}


@pytest.mark.parametrize("name", SETS)
@pytest.mark.parametrize("tf", WARM_UPS)
def test_the_warm_up_is_a_hundred_days_at_most(tf: str, name: str) -> None:
    timeframe = Timeframe.parse(tf)
    candles = walk(1000, 20).candles
    coin = CandleTable(np.arange(1000) * timeframe.ms, candles)
    found = batch(feature_set(name), timeframe, coin, coin)
    assert np.array_equal(found.valid, np.arange(1000) >= WARM_UPS[tf] - 1)
    assert np.isfinite(found.rows[found.valid]).all()


@pytest.mark.parametrize("tf", ["4h", "1d"])
def test_a_column_is_masked_until_its_window_is_complete(tf: str) -> None:
    """The right candle for each window, and then the values that a long history has at 15m."""
    features, timeframe = feature_set("per_coin_v2"), Timeframe.parse(tf)
    coin = walk(900, 41)
    found = batch(features, timeframe, CandleTable(np.arange(900) * timeframe.ms, coin.candles))
    quarter = CandleTable(np.arange(900) * TF.ms, coin.candles)
    complete = batch(features, TF, quarter)
    place = {column: k for k, column in enumerate(features.columns)}
    first = {
        column: int(np.flatnonzero(np.nan_to_num(found.rows[:, k]))[0]) + 1
        for column, k in place.items()
        if np.nan_to_num(found.rows[:, k]).any()
    }
    warm_up = WARM_UPS[tf]
    needed = {
        "ret_96": 97, "ema_50_distance": 100, "closed_96_return": 192, "ret_288": 289,
        "ema_200_distance": 400, "closed_16_stretch": 384, "below_high_672": 672,
        "vwap_distance_672": 672, "ret_672": 673, "semivariance_672": 673, "sd_96_672": 673,
        "since_jump": 768, "ret_2880": 800, "sd_672_2880": 800, "variance_ratio_16": 800,
    }  # fmt: skip
    assert {column: first[column] for column in needed} == {
        column: max(bars, warm_up) for column, bars in needed.items()
    }
    timeless = [k for column, k in place.items() if "ret_" in column or "sd_" in column]
    assert np.array_equal(found.rows[800:, timeless], complete.rows[800:, timeless])


def test_sets_by_name_and_what_models_read_of_them() -> None:
    classic, relative = (feature_set(name) for name in SETS)
    trees, network = relative.columns_for("trees"), relative.columns_for("network")
    assert len(set(relative.columns)) == len(relative.columns) == 108
    assert len(network.direction) == len(trees.direction) == 33 + 24 + 37
    assert len(trees.move) == 94 + 6
    assert set(trees.direction) < set(network.move) < set(relative.columns)
    assert classic.columns_for("trees") == (classic.columns, classic.columns)
    assert classic.indices(("macd", "returns")) == [3, 0]
    with pytest.raises(ConfigError, match="unknown feature set 'x'"):
        feature_set("x")


@pytest.mark.parametrize("name", SETS)
def test_another_process_gets_a_set_by_its_name_with_its_compiled_code(name: str) -> None:
    assert pickle.loads(pickle.dumps(feature_set(name))) is feature_set(name)


def test_the_hashes_of_published_models_stay() -> None:
    assert [schema_hash(feature_set(name)) for name in SETS] == [
        "1e8fd897b25d6b11472dff04d1377d58d62c8a5c06f590918e7cad66a1b0b1ed",
        "e837594ed76ff6ec3e41b484fc0eacc3b61d90a218a2bf78eb5312843a17414c",
    ]


def test_the_schema_hash_changes_with_names_order_and_windows() -> None:
    features = feature_set("per_coin_v2")
    hashes = {schema_hash(feature_set(name)) for name in SETS}
    turned = tuple(reversed(features.columns))
    changes: list[dict[str, Any]] = [
        {"name": "other"},
        {"version": 2},
        {"columns": turned},
        {"parameters": {**features.parameters, "blocks": 25}},
    ]
    hashes |= {schema_hash(replace(features, **changed)) for changed in changes}
    assert len(hashes) == 6
    assert schema_hash(features) == schema_hash(feature_set("per_coin_v2"))
