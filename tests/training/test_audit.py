"""The audit passes what we have and catches a leak that is put in."""

import numpy as np
import pytest

from crypto_bot.domain.interval import Interval
from crypto_bot.domain.timeframe import Timeframe
from crypto_bot.labels.labels import UNKNOWN, Labels, label
from crypto_bot.labels.registered import LABELS
from crypto_bot.market_data.candle_table import CandleTable
from crypto_bot.models.gates import is_chance
from crypto_bot.statistics.rows import Floats
from crypto_bot.statistics.scores import auc
from crypto_bot.training.leak_audit import (
    label_measure,
    mean_of,
    prefix_leaks,
)
from crypto_bot.training.placebo import coin_flip, shuffled
from tests.features.made_candles import walk
from tests.training.made_market import open_candle_leak, planted

TF = Timeframe.parse("15m")


def cuts(coin: CandleTable, count: int = 17) -> list[int]:
    """The end, and every bar of the last four hours before it."""
    return [int(coin.open_ms[-1]) + TF.ms * (1 - back) for back in range(count + 1)]


@pytest.mark.parametrize("name", ["A", "B", "fixed"])
def test_labels_become_known_and_then_stay(name: str) -> None:
    coin = walk(500, 3)
    measure = label_measure(LABELS.get(name), TF, coin)
    assert prefix_leaks(measure, Labels._fields, cuts(coin), later_known=True) == ()
    # a label is no feature: it is known later
    found = prefix_leaks(measure, Labels._fields, cuts(coin))
    assert found == ("end_ms", "label", "late_bps", "long_bps")


def test_an_open_candle_and_a_scaler_fitted_on_everything_are_caught() -> None:
    coin = walk(1000, 4)

    def measure(until_ms: int) -> Floats:
        known = coin.before(until_ms)
        past = np.log(known.candles[:, 3])
        scaled = (past - past.mean()) / past.std()
        return np.column_stack([past, open_candle_leak(known), scaled])

    found = prefix_leaks(measure, ("past", "open_4h", "scaled"), cuts(coin))
    assert found == ("open_4h", "scaled")


def test_the_open_candle_shows_the_direction() -> None:
    coin = walk(20_000, 6)
    found = label(LABELS.get("A"), TF, coin.open_ms, coin.candles)
    moved = (found.label != UNKNOWN) & (found.label != 1)
    assert auc(open_candle_leak(coin)[moved], found.label[moved] == 2) > 0.8


def test_a_coin_flip_keeps_sizes_and_loses_direction() -> None:
    markets = {"A": walk(20_000, 7), "B": walk(20_000, 8)}
    trending = planted(markets["A"], 0.1, 1)
    flipped = coin_flip({"A": trending, "B": markets["B"]}, TF, seed=3)
    for symbol, true in (("A", trending), ("B", markets["B"])):
        old, new = (np.log(coin.candles[:, 3]) for coin in (true, flipped[symbol]))
        assert np.allclose(np.abs(np.diff(old)), np.abs(np.diff(new)), atol=1e-9)
        assert np.array_equal(true.candles[:, 4], flipped[symbol].candles[:, 4])
    one, other = (
        np.sign(np.diff(np.log(flipped[s].candles[:, 3])) * np.diff(np.log(coin.candles[:, 3])))
        for s, coin in (("A", trending), ("B", markets["B"]))
    )
    moved = one * other != 0.0
    assert np.array_equal(one[moved], other[moved])  # the same bars are turned in every coin
    assert trend_auc(trending) > 0.57
    placebos = [coin_flip({"A": trending}, TF, seed)["A"] for seed in range(12)]
    assert np.mean([trend_auc(placebo) for placebo in placebos]) == pytest.approx(0.5, abs=0.01)


def trend_auc(coin: CandleTable) -> float:
    """Direction AUC of the last four bars' net move over their path, on bars that moved."""
    close = coin.candles[:, 3]
    path = np.abs(np.diff(close, prepend=close[0]))
    score = np.zeros(close.size)
    score[4:] = (close[4:] - close[:-4]) / np.convolve(path, np.ones(4))[4 : close.size]
    found = label(LABELS.get("A"), TF, coin.open_ms, coin.candles)
    moved = (found.label != UNKNOWN) & (found.label != 1)
    return auc(score[moved], found.label[moved] == 2)


def test_shuffled_labels_keep_their_counts_and_the_unknown() -> None:
    coin = walk(2000, 11)
    found = label(LABELS.get("A"), TF, coin.open_ms, coin.candles).label
    mixed = shuffled(found, seed=5)
    assert np.array_equal(mixed == UNKNOWN, found == UNKNOWN)
    assert np.array_equal(np.bincount(mixed + 1), np.bincount(found + 1))
    known = found != UNKNOWN
    assert np.mean(mixed[known] == found[known]) < 0.6


def test_several_markets_of_coin_flips_tell_chance_from_a_leak() -> None:
    rng = np.random.default_rng(1)
    chance = [Interval(v, v - 0.014, v + 0.014) for v in 0.5 + rng.normal(0.0, 0.007, 7)]
    unlucky = Interval(0.5215, 0.5080, 0.5370)
    pooled = mean_of([unlucky, *chance])
    assert not is_chance(unlucky)
    assert is_chance(pooled)
    assert pooled.high - pooled.low == pytest.approx(0.028 / 8**0.5, abs=0.001)
    leak = [Interval(v.value + 0.03, v.low + 0.03, v.high + 0.03) for v in chance]
    assert not is_chance(mean_of(leak))
