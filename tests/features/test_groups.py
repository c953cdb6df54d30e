"""Groups of features of data series: what they measure, and what is said where they are masked."""

import numpy as np
import pandas as pd
import pytest

from crypto_bot.domain.errors import ConfigError
from crypto_bot.domain.timeframe import Timeframe
from crypto_bot.features.batch import batch
from crypto_bot.features.groups.movement import REACH, change, log, mean, rank
from crypto_bot.features.groups.registered import FEATURE_GROUPS
from crypto_bot.features.sets import feature_set, schema_hash
from crypto_bot.market_data.candle_table import CandleTable
from crypto_bot.market_data.observations import Observations
from tests.features.grouped import ALL_GROUPS
from tests.features.made_candles import walk

M15 = Timeframe.parse("15m")


def test_changes_means_and_ranks_are_those_of_pandas() -> None:
    rng = np.random.default_rng(3)
    values = np.where(rng.random(900) < 0.03, np.nan, rng.standard_normal(900))
    series = pd.Series(values)
    for found, expected in (
        (change(values, 16), series.diff(16)),
        (mean(values, 16), series.rolling(16).mean()),
    ):
        np.testing.assert_allclose(found, expected[REACH:], atol=1e-12)
    np.testing.assert_allclose(log(values), np.log(series.where(series > 0)))
    placed = series.rolling(96, min_periods=48).rank()
    known = series.rolling(96, min_periods=48).count()
    expected = (2.0 * placed - 1.0 - known) / (known - 1.0)
    np.testing.assert_allclose(rank(values, 96), expected[REACH:], atol=1e-12)
    assert rank(np.arange(REACH + 2.0), 96, 4).tolist() == [1.0, 1.0]
    values[:-40] = np.nan  # less than half of the window
    assert np.isnan(rank(values, 96)).all()


def test_a_group_stands_beside_the_columns_of_the_set() -> None:
    base, grown = feature_set("per_coin_v2"), feature_set("per_coin_v2+funding+releases")
    coin = walk(1_200, 41)
    closes_ms = coin.open_ms + M15.ms
    rate = np.random.default_rng(5).standard_normal(1_200) * 1e-4
    observed = {"funding": Observations(closes_ms, rate)}
    found = batch(grown, M15, CandleTable(coin.open_ms, coin.candles, observed))
    alone = batch(base, M15, coin)
    count = len(base.columns)
    assert found.rows[:, :count].tobytes() == alone.rows.tobytes()
    assert np.array_equal(found.valid, alone.valid)
    by_name = dict(zip(grown.columns, found.rows[-1].tolist(), strict=True))
    assert by_name["funding_change_96"] == pytest.approx(1e4 * (rate[-1] - rate[-97]))
    assert (by_name["funding_known"], by_name["releases_known"]) == (1.0, 0.0)
    assert by_name["release_ahead"] == 0.0
    heads = grown.readers["trees"]
    assert {*heads.move} - {*heads.direction} >= {"release_ahead", "releases_known"}
    assert "funding_rank" in heads.direction
    assert schema_hash(grown) not in {schema_hash(base), schema_hash(feature_set(ALL_GROUPS))}


def test_what_is_masked_has_plain_words() -> None:
    said = feature_set(ALL_GROUPS).optional
    assert said[0] == "the leading coin BTCUSDT"
    assert "the funding rate of the perpetual contract" in said
    assert not [words for words in said if "series" in words or "_" in words]
    assert len(said) == 1 + sum(len(FEATURE_GROUPS.get(n).series) for n in FEATURE_GROUPS.names())


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("per_coin_v2+moon", "unknown feature group 'moon': use one of taker_flow"),
        ("per_coin_v9+funding", "unknown feature set 'per_coin_v9'"),
        ("daily_20+funding", "daily_20 take no groups"),
    ],
)
def test_names_that_are_no_set(name: str, reason: str) -> None:
    with pytest.raises(ConfigError, match=reason):
        feature_set(name)
