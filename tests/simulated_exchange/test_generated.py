"""The generated market: valid, deterministic, and with the statistics of a real one."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulated_exchange.coins import COINS
from simulated_exchange.config import ConfigError
from simulated_exchange.generated import LISTED_MS, GeneratedMarket
from simulated_exchange.intervals import DAY_MS, INTERVALS
from simulated_exchange.market import CLOSE, HIGH, LOW

M15_MS = INTERVALS["15m"]
START_MS = 1_764_547_200_000


@pytest.mark.parametrize("interval_ms", INTERVALS.values(), ids=INTERVALS)
def test_candles_are_sound_gapless_and_joined(interval_ms: int) -> None:
    market = GeneratedMarket(["BTCUSDT", "VETUSDT"], interval_ms, seed=1)
    until_ms = START_MS + 600 * interval_ms
    for symbol in market.symbols:
        candles = market.candles(symbol, START_MS, until_ms)
        first_ms = -(-START_MS // interval_ms) * interval_ms
        opens = [candle.open_ms for candle in candles]
        assert opens == list(range(first_ms, until_ms + 1, interval_ms))
        for candle in candles:
            body = candle.open, candle.close
            assert 0.0 < candle.low <= min(body) <= max(body) <= candle.high < float("inf")
            assert candle.volume > 0.0
        closes = [candle.close for candle in candles]
        assert [candle.open for candle in candles[1:]] == closes[:-1]
        decimals = COINS[symbol].price_decimals
        assert all(round(candle.high, decimals) == candle.high for candle in candles)


@settings(max_examples=30, deadline=None)
@given(
    since=st.integers(-3000, 3000),
    length=st.integers(0, 3000),
    count=st.integers(1, 2000),
    symbol=st.sampled_from(["BTCUSDT", "SUIUSDT"]),
)
def test_a_candle_does_not_depend_on_what_was_asked_before(
    since: int, length: int, count: int, symbol: str
) -> None:
    since_ms = START_MS + since * M15_MS
    until_ms = since_ms + length * M15_MS
    asked = GeneratedMarket(["SUIUSDT", "BTCUSDT"], M15_MS, seed=3)
    whole = GeneratedMarket([symbol], M15_MS, seed=3).candles(symbol, since_ms, until_ms)
    assert len(whole) == length + 1
    assert asked.last(symbol, since_ms, until_ms, count).candles() == whole[-count:]
    assert asked.first(symbol, since_ms, until_ms, count).candles() == whole[:count]


def test_another_seed_is_another_market() -> None:
    one, other = (GeneratedMarket(["BTCUSDT"], M15_MS, seed=seed) for seed in (1, 2))
    assert one.candles("BTCUSDT", START_MS, START_MS) != other.candles(
        "BTCUSDT", START_MS, START_MS
    )


def test_nothing_was_traded_before_the_listing() -> None:
    market = GeneratedMarket(["BTCUSDT"], M15_MS, seed=1)
    assert market.first("BTCUSDT", 0, START_MS, 1).open_ms.tolist() == [LISTED_MS]
    assert market.candles("BTCUSDT", LISTED_MS - DAY_MS, LISTED_MS - 1) == []


def test_prices_stay_plausible_and_move_together_in_clusters_with_fat_tails() -> None:
    market = GeneratedMarket(COINS, M15_MS, seed=7)
    moves = []
    for symbol, coin in COINS.items():
        values = market.last(symbol, 0, START_MS, 200 * 96).values
        assert coin.level / 8.0 < values[:, LOW].min() < values[:, HIGH].max() < coin.level * 8.0
        moves.append(np.diff(np.log(values[:, CLOSE])))
    together = np.corrcoef(moves)[np.triu_indices(len(moves), 1)]
    assert 0.2 < together.mean() < 0.8
    bitcoin = moves[0]
    assert 0.01 < bitcoin.std() * 96**0.5 < 0.05  # a day
    assert ((bitcoin - bitcoin.mean()) ** 4).mean() / bitcoin.var() ** 2 > 5.0
    size = np.abs(bitcoin)
    assert np.corrcoef(size[1:], size[:-1])[0, 1] > 0.1
    assert np.corrcoef(size[96:], size[:-96])[0, 1] > 0.05
    assert abs(np.corrcoef(bitcoin[1:], bitcoin[:-1])[0, 1]) < 0.05


def test_a_coin_that_it_does_not_know_is_refused_by_name() -> None:
    with pytest.raises(ConfigError, match="does not list FOOUSDT"):
        GeneratedMarket(["BTCUSDT", "FOOUSDT"], M15_MS, seed=1)


def test_it_makes_as_many_coins_as_are_asked_for() -> None:
    symbols = ["BTCUSDT", *(f"SIM{number:03}USDT" for number in range(1, 512))]
    market = GeneratedMarket(symbols, M15_MS, seed=1)
    since_ms = 1_764_547_200_000
    closes = {market.candles(each, since_ms, since_ms)[0].close for each in symbols}
    assert len(closes) > 500
    assert all(0.0 < 10.0 ** -market.listing(each).price_decimals <= 0.01 for each in symbols[1:])
    assert market.candles("SIM007USDT", since_ms, since_ms) == GeneratedMarket(
        ["SIM007USDT"], M15_MS, seed=1
    ).candles("SIM007USDT", since_ms, since_ms)
