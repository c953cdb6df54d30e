"""What a client sees between closes: one path that ends with exactly the final candle."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulated_exchange.generated import GeneratedMarket
from simulated_exchange.intervals import HOUR_MS, INTERVALS, open_of
from simulated_exchange.market import Candle
from simulated_exchange.tape import TICKS, Tape, formed, path_of

M15_MS = INTERVALS["15m"]
OPEN_MS = 1_764_547_200_000
prices = st.integers(1, 10_000).map(lambda cents: cents / 100)


@st.composite
def whole_candles(draw: st.DrawFn) -> Candle:
    low, *inner, high = sorted(draw(st.lists(prices, min_size=4, max_size=4)))
    opened, close = draw(st.permutations(inner))
    return Candle(OPEN_MS, opened, high, low, close, draw(st.integers(0, 10**9)) / 1000)


@given(whole_candles())
def test_a_candle_grows_to_exactly_its_final_form(whole: Candle) -> None:
    path = path_of("BTCUSDT", whole, 2)
    steps = [formed(whole, path, trade) for trade in range(TICKS + 1)]
    assert steps[0] == Candle(OPEN_MS, whole.open, whole.open, whole.open, whole.open, 0.0)
    assert steps[-1] == whole
    for before, after in pairwise(steps):
        assert whole.low <= after.low <= before.low <= before.high <= after.high <= whole.high
        assert after.low <= after.close <= after.high
        assert before.volume <= after.volume <= whole.volume


@pytest.fixture
def tape() -> Tape:
    return Tape(GeneratedMarket(("BTCUSDT", "VETUSDT"), M15_MS, seed=7))


@pytest.mark.parametrize("symbol", ["BTCUSDT", "VETUSDT"])
def test_prices_book_and_day_agree_with_the_open_candle(tape: Tape, symbol: str) -> None:
    for now_ms in range(OPEN_MS, OPEN_MS + 2 * M15_MS, 37_000):
        span = (0, now_ms)
        candle = tape.klines(symbol, M15_MS, span, 1, now_ms, newest=True).candles()[0]
        price = tape.price(symbol, now_ms)
        bids, asks = tape.book(symbol, now_ms, 20)
        assert candle.open_ms == open_of(now_ms, M15_MS)
        assert price == candle.close
        assert price in (bids[0][0], asks[0][0])
        assert bids[0][0] < asks[0][0]
        assert [level for level, _ in bids] == sorted((level for level, _ in bids), reverse=True)
        assert [level for level, _ in asks] == sorted(level for level, _ in asks)
        assert all(amount > 0.0 for _, amount in bids + asks)
        day = tape.day(symbol, now_ms).bars
        assert len(day) == 96
        assert day.candles()[-1] == candle


@pytest.mark.parametrize("name", ["1h", "4h", "1d"])
def test_higher_intervals_are_the_base_candles_put_together(tape: Tape, name: str) -> None:
    interval_ms = INTERVALS[name]
    now_ms = open_of(OPEN_MS, interval_ms) + 5 * M15_MS + 1000  # in an open candle of either
    higher = tape.klines("BTCUSDT", interval_ms, (0, now_ms), 5, now_ms, newest=True).candles()
    count = 6 * interval_ms // M15_MS
    base = tape.klines("BTCUSDT", M15_MS, (0, now_ms), count, now_ms, newest=True).candles()
    assert [candle.open_ms for candle in higher] == [
        open_of(now_ms, interval_ms) - back * interval_ms for back in range(4, -1, -1)
    ]
    for candle in higher:
        parts = [part for part in base if open_of(part.open_ms, interval_ms) == candle.open_ms]
        if candle is not higher[-1]:
            assert len(parts) == interval_ms // M15_MS
        assert candle[:5] == (
            candle.open_ms,
            parts[0].open,
            max(part.high for part in parts),
            min(part.low for part in parts),
            parts[-1].close,
        )
        assert candle.volume == pytest.approx(sum(part.volume for part in parts), rel=1e-12)


def test_pages_from_either_end_are_the_same_candles(tape: Tape) -> None:
    now_ms = OPEN_MS + 100_000
    since_ms = OPEN_MS - 50 * HOUR_MS
    oldest = tape.klines("BTCUSDT", HOUR_MS, (since_ms - 1, now_ms), 20, now_ms, newest=False)
    assert oldest.open_ms[0] == since_ms
    until_ms = int(oldest.open_ms[-1])
    newest = tape.klines("BTCUSDT", HOUR_MS, (0, until_ms), 20, now_ms, newest=True)
    assert newest.candles() == oldest.candles()
