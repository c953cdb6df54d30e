"""The audit passes what we have and catches a leak that is put in."""

import numpy as np
import pytest

from crypto_bot.domain.timeframe import Timeframe
from crypto_bot.features.sets import feature_set
from crypto_bot.labels.labels import UNKNOWN, Labels, label
from crypto_bot.labels.registered import LABELS
from crypto_bot.market_data.candle_table import CandleTable
from crypto_bot.statistics.rows import Floats
from crypto_bot.statistics.scores import auc
from crypto_bot.training.leak_audit import (
    feature_measure,
    label_measure,
    prefix_leaks,
)
from crypto_bot.training.placebo import coin_flip, open_candle_leak, planted, shuffled

TF = Timeframe.parse("15m")


def walk(count: int, seed: int) -> CandleTable:
    """A random walk of candles."""
    rng = np.random.default_rng(seed)
    close = 100.0 * np.exp(np.cumsum(0.003 * rng.standard_t(5, count)))
    opened = np.concatenate(([100.0], close[:-1]))
    reach = np.exp(0.002 * np.abs(rng.standard_normal((2, count))))
    high, low = np.maximum(opened, close) * reach[0], np.minimum(opened, close) / reach[1]
    candles = np.column_stack([opened, high, low, close, np.exp(rng.standard_normal(count))])
    first_ms = 1_700_000_100_000 // TF.ms * TF.ms
    return CandleTable(first_ms + np.arange(count) * TF.ms, candles)


def cuts(coin: CandleTable, count: int = 17) -> list[int]:
    """The end, and every bar of the last four hours before it."""
    return [int(coin.open_ms[-1]) + TF.ms * (1 - back) for back in range(count + 1)]


@pytest.mark.parametrize("name", ["per_coin_v1", "per_coin_v2"])
def test_features_of_a_prefix_equal_those_of_the_whole(name: str) -> None:
    features = feature_set(name)
    coin, leader = walk(4000, 1), walk(4000, 2)
    measure = feature_measure(features, TF, coin, leader)
    assert np.isfinite(measure(cuts(coin)[-1])[-1]).all()
    assert prefix_leaks(measure, features.columns, cuts(coin)) == []


@pytest.mark.parametrize("name", ["A", "B", "fixed"])
def test_labels_become_known_and_then_stay(name: str) -> None:
    measure = label_measure(LABELS.get(name), TF, walk(500, 3))
    coin = walk(500, 3)
    assert prefix_leaks(measure, Labels._fields, cuts(coin), later_known=True) == []
    # a label is no feature: it is known later
    assert {leak.column for leak in prefix_leaks(measure, Labels._fields, cuts(coin))} == {
        "label",
        "end_ms",
        "long_bps",
        "late_bps",
    }


def test_the_candle_that_is_still_open_is_caught() -> None:
    coin = walk(1000, 4)

    def measure(until_ms: int) -> Floats:
        known = coin.before(until_ms)
        past = np.log(known.candles[:, 3])
        return np.column_stack([past, open_candle_leak(known, TF)])

    found = prefix_leaks(measure, ("past", "open_4h"), cuts(coin))
    assert {leak.column for leak in found} == {"open_4h"}
    assert len(found) >= 14  # all cuts but those at the end of a four-hour candle


def test_a_scaler_fitted_on_everything_is_caught() -> None:
    coin = walk(1000, 5)

    def measure(until_ms: int) -> Floats:
        close = coin.before(until_ms).candles[:, 3]
        scaled: Floats = (close - close.mean()) / close.std()
        return scaled[:, None]

    assert len(prefix_leaks(measure, ("scaled",), cuts(coin))) == 17


def test_the_open_candle_tells_the_direction() -> None:
    coin = walk(20_000, 6)
    found = label(LABELS.get("A"), TF, coin.open_ms, coin.candles)
    moved = (found.label != UNKNOWN) & (found.label != 1)
    assert auc(open_candle_leak(coin, TF)[moved], found.label[moved] == 2) > 0.8


def test_a_coin_flip_keeps_sizes_and_loses_direction() -> None:
    markets = {"A": walk(20_000, 7), "B": walk(20_000, 8)}
    trending = planted(markets["A"], TF, LABELS.get("A"), 0.6, 1)
    flipped = coin_flip({"A": trending, "B": markets["B"]}, TF, seed=3)
    for symbol, true in (("A", trending), ("B", markets["B"])):
        old, new = (np.log(coin.candles[:, 3]) for coin in (true, flipped[symbol]))
        assert np.allclose(np.abs(np.diff(old)), np.abs(np.diff(new)), atol=1e-9)
        assert np.array_equal(true.candles[:, 4], flipped[symbol].candles[:, 4])
    turned = [
        np.sign(np.diff(np.log(flipped[s].candles[:, 3])) * np.diff(np.log(coin.candles[:, 3])))
        for s, coin in (("A", trending), ("B", markets["B"]))
    ]
    assert np.array_equal(*turned)  # the same bars are turned in every coin
    assert trend_auc(trending) == pytest.approx(0.6, abs=1e-3)
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


@pytest.mark.parametrize("target", [0.54, 0.58])
def test_a_direction_is_planted_as_strong_as_asked(target: float) -> None:
    coin = walk(30_000, 9)
    made = planted(coin, TF, LABELS.get("A"), target, seed=4)
    assert trend_auc(made) == pytest.approx(target, abs=1e-3)
    assert np.array_equal(made.candles, planted(coin, TF, LABELS.get("A"), target, seed=4).candles)
    size, kept = (np.abs(np.diff(np.log(c.candles[:, 3]))) for c in (coin, made))
    assert np.allclose(size, kept, atol=1e-9)


def test_what_cannot_be_planted_is_said() -> None:
    with pytest.raises(
        ValueError, match=r"an AUC of 0\.99 cannot be planted: 0\.\d+ to 0\.\d+ can"
    ):
        planted(walk(3000, 10), TF, LABELS.get("A"), 0.99, seed=1)


def test_shuffled_labels_keep_their_counts_and_the_unknown() -> None:
    coin = walk(2000, 11)
    found = label(LABELS.get("A"), TF, coin.open_ms, coin.candles).label
    mixed = shuffled(found, seed=5)
    assert np.array_equal(mixed == UNKNOWN, found == UNKNOWN)
    assert np.array_equal(np.bincount(mixed + 1), np.bincount(found + 1))
    known = found != UNKNOWN
    assert np.mean(mixed[known] == found[known]) < 0.6
