"""Of every registered feature set: what comes later changes no bit of what was there."""

import numpy as np
import pytest

from crypto_bot.domain.timeframe import Timeframe
from crypto_bot.features.batch import FeatureRows, batch
from crypto_bot.features.sets import FEATURE_SETS, feature_set
from crypto_bot.market_data.candle_table import CandleTable
from crypto_bot.market_data.observations import Observations
from tests.features.funded import FUNDED
from tests.features.grouped import ALL_GROUPS
from tests.features.made_candles import walk

SETS = (*FEATURE_SETS.names(), FUNDED.name, ALL_GROUPS)
COUNT = 1_300
GAP, LEADER_GAP, MARKET_CHANGE = 150, 250, 1_000
CUTS = (1, 2, 3, 4, 5, 6, 7, 16, 17, 24, 95, 96, 97, 300)
"""Candles before the end: in and at the end of every longer candle, and before the last change."""


def market(name: str, timeframe: Timeframe, seed: int, gap: int) -> CandleTable:
    """Candles with a gap, and observations at instants that have nothing to do with them."""
    made = walk(COUNT, seed, missing=(gap,))
    opens_ms = made.open_ms // 900_000 * timeframe.ms
    rng = np.random.default_rng(seed)
    known_ms = np.sort(rng.integers(opens_ms[0], opens_ms[-1] + 2 * timeframe.ms, COUNT // 3))
    observed = {
        each.series: Observations(known_ms, rng.standard_normal(known_ms.size))
        for each in feature_set(name).series
    }
    return CandleTable(opens_ms, made.candles, observed)


@pytest.mark.parametrize("led", [True, False], ids=["led", "alone"])
@pytest.mark.parametrize("tf", ["15m", "4h", "1d"])
@pytest.mark.parametrize("name", SETS)
def test_rows_of_a_prefix_are_those_of_the_whole(name: str, tf: str, led: bool) -> None:
    features, timeframe = feature_set(name), Timeframe.parse(tf)
    coin = market(name, timeframe, 1, GAP)
    leader = market(name, timeframe, 2, LEADER_GAP)
    changes = [int(coin.open_ms[MARKET_CHANGE])]

    def made(until_ms: int) -> FeatureRows:
        lead = leader.before(until_ms) if led else None
        known = coin.before(until_ms)
        return batch(features, timeframe, known, lead, symbol="SOLUSDT", market_since_ms=changes)

    whole = made(2**60)
    assert whole.valid.any()
    if features.leader is not None:
        assert whole.known[:, 0].any() == led
    for bars in CUTS:
        part = made(int(coin.open_ms[-bars]))
        count = part.valid.size
        assert count == COUNT - 1 - bars
        assert part.rows.tobytes() == whole.rows[:count].tobytes(), bars
        assert part.valid.tobytes() == whole.valid[:count].tobytes()
        assert part.known.tobytes() == whole.known[:count].tobytes()


def test_a_series_is_seen_at_the_close_and_masked_where_it_is_too_old() -> None:
    hour = Timeframe.parse("1h")
    funding = Observations(np.array([5 * hour.ms, 20 * hour.ms + 1]), np.array([1.0, 2.0]))
    opens_ms = np.arange(30) * hour.ms
    found = batch(
        FUNDED, hour, CandleTable(opens_ms, walk(30, 3).candles, {"made_funding": funding})
    )
    closes = np.arange(30) + 1
    known = ((closes >= 5) & (closes <= 13)) | ((closes >= 21) & (closes <= 28))
    assert np.array_equal(found.valid, closes >= 3)  # masked or not
    assert np.array_equal(found.known[:, 1], known)
    assert np.array_equal(found.rows[2:, 3], known[2:])
    assert np.array_equal(found.rows[2:, 2], (known * np.where(closes < 20, 1.0, 2.0))[2:])
