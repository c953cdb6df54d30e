"""Market views: memory, resampling and measurements, for any order of arrival."""

import struct
from collections.abc import Sequence
from math import inf, isfinite, isnan

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crypto_bot.domain.candle import Candle
from crypto_bot.domain.market import Bar, MarketView
from crypto_bot.domain.timeframe import TRADED, Timeframe
from crypto_bot.features.measurement import COLUMNS
from crypto_bot.features.memory import BASE_WINDOW
from crypto_bot.features.views import HIGHER_LEVELS, RuleViews
from tests.features.made_candles import candles_of, walk

M15 = Timeframe.parse("15m")
D1 = Timeframe.parse("1d")
COIN = "BTCUSDT"


def shifted(candles: Sequence[Candle], timeframe: Timeframe) -> list[Candle]:
    """The same candles on the grid of another timeframe."""
    first, step = candles[0].open_ms, M15.ms
    start = timeframe.open_of(first)
    return [
        candle._replace(open_ms=start + (candle.open_ms - first) // step * timeframe.ms)
        for candle in candles
    ]


def exact(view: MarketView) -> bytes:
    """All of a view, bit for bit (NaN included)."""
    values = struct.pack(f"{len(view) - 3}d", *view[3:])
    return repr(view[:3]).encode() + values


def one_by_one(
    candles: Sequence[Candle], timeframe: Timeframe = M15, views: RuleViews | None = None
) -> list[MarketView]:
    views = views or RuleViews([COIN], timeframe)
    return [views.update(Bar(candle.open_ms, {COIN: candle}))[COIN] for candle in candles]


def test_the_measured_columns_are_the_fields_of_a_view() -> None:
    higher = tuple(f"trend_{level}" for level in range(1, HIGHER_LEVELS + 1))
    assert MarketView._fields == ("symbol", "open_ms", "bars", *COLUMNS, "trend", *higher)


@pytest.mark.parametrize(
    ("timeframe", "bars"),
    [
        ("1m", 49 * 240),
        ("5m", 31 * 288),
        ("15m", 9 * 672),
        ("1h", 9 * 168),
        ("4h", 378),
        ("1d", 256),
    ],
)
def test_history_is_what_the_longest_window_reaches(timeframe: str, bars: int) -> None:
    assert RuleViews([COIN], Timeframe.parse(timeframe)).history_bars == bars


@pytest.mark.parametrize(
    ("name", "extra"), [*((name, 0) for name in TRADED), ("15m", 1), ("15m", 671), ("15m", 1000)]
)
def test_a_restart_changes_no_bit(name: str, extra: int) -> None:
    """Preloaded with `history_bars` or more, or fed from the start: the same views."""
    timeframe = Timeframe.parse(name)
    views = RuleViews([COIN], timeframe)
    since = views.history_bars + extra
    candles = shifted(candles_of(walk(since + 700, seed=3)), timeframe)
    whole = one_by_one(candles, timeframe)
    expected = [exact(view) for view in whole[since:]]
    for preloaded in (candles[extra:since], candles[:since]):
        views.preload(COIN, preloaded)
        assert [exact(view) for view in one_by_one(candles[since:], timeframe, views)] == expected
    assert not isnan(whole[-1].trend_1)


def test_later_candles_do_not_change_earlier_views() -> None:
    candles = candles_of(walk(2000, seed=6))
    whole = [exact(view) for view in one_by_one(candles)]
    for until in (1, 2, 15, 97, 256, 257, 1023, 1025, 1999):
        assert [exact(view) for view in one_by_one(candles[:until])] == whole[:until]


def test_a_gap_restarts_a_coin() -> None:
    before = candles_of(walk(700, seed=7))
    after = candles_of(walk(1500, seed=8))[701:]
    views = RuleViews([COIN], M15)
    one_by_one(before, views=views)
    expected = [exact(view) for view in one_by_one(after)]
    assert after[0].open_ms - before[-1].open_ms == 2 * M15.ms
    assert [exact(view) for view in one_by_one(after, views=views)] == expected
    views.preload(COIN, before + after[:300])
    assert [exact(view) for view in one_by_one(after[300:], views=views)] == expected[300:]


def test_coins_are_measured_independently() -> None:
    coins = {f"C{i}": candles_of(walk(400, seed=20 + i, price=10.0**i)) for i in range(4)}
    views = RuleViews(list(coins), M15)
    alone = {
        symbol: [exact(view._replace(symbol="")) for view in one_by_one(candles)]
        for symbol, candles in coins.items()
    }
    absent = {"C1": {50}, "C3": {50, 51, 300}}  # a candle that never came: a gap of that coin alone
    for at in range(400):
        here = {s: c[at] for s, c in coins.items() if at not in absent.get(s, ())}
        measured = views.update(Bar(here["C0"].open_ms, here))
        assert list(measured) == list(here)
        for symbol in ("C0", "C2"):
            assert exact(measured[symbol]._replace(symbol="")) == alone[symbol][at]
        if at == 399:
            assert (measured["C1"].bars, measured["C3"].bars) == (256, 99)


def test_an_old_candle_is_refused_and_changes_nothing() -> None:
    first, second, third, *_ = candles_of(walk(10, seed=9))
    views = RuleViews(["A", "B"], M15)
    views.update(Bar(first.open_ms, {"A": first}))
    views.update(Bar(second.open_ms, {"A": second, "B": second}))
    with pytest.raises(ValueError, match="B: candle"):
        views.update(Bar(third.open_ms, {"A": third, "B": second}))
    assert views.update(Bar(third.open_ms, {"A": third}))["A"].bars == 3


def test_an_empty_bar_and_an_empty_preload() -> None:
    candles = candles_of(walk(30, seed=10))
    views = RuleViews([COIN], M15)
    assert views.update(Bar(candles[0].open_ms, {})) == {}
    one_by_one(candles[:20], views=views)
    views.preload(COIN, [])
    assert one_by_one(candles[20:21], views=views)[0].bars == 1


@pytest.mark.parametrize("price", [1e-8, 1.0, 1e6])
@pytest.mark.parametrize("volume", [0.0, 5.0])
def test_a_price_that_never_moves(price: float, volume: float) -> None:
    candles = [Candle(i * M15.ms, price, price, price, price, volume) for i in range(2 * 672)]
    last = one_by_one(candles)[-1]
    assert last.atr == 0.0
    assert last.ema_20 == price
    assert (last.rsi, last.change_14, last.trend, last.structure) == (50.0, 0.0, 0.0, 0.0)
    assert (last.support, last.resistance, last.volatility_ratio) == (10.0, 10.0, 1.0)
    assert isnan(last.trend_4)  # a week is not enough
    assert all(isfinite(value) for value in last[3:-2])


@pytest.mark.parametrize("price", [1e-8, 1e6])
def test_views_do_not_depend_on_the_unit_of_the_price(price: float) -> None:
    priced = one_by_one(candles_of(walk(1500, seed=11, price=price)))
    plain = one_by_one(candles_of(walk(1500, seed=11, price=1.0)))
    for measured, true in zip(priced, plain, strict=True):
        scaled = measured._replace(
            close=measured.close / price, atr=measured.atr / price, ema_20=measured.ema_20 / price
        )
        np.testing.assert_allclose(scaled[3:], true[3:], rtol=1e-6, atol=1e-9)


def test_a_higher_candle_is_seen_at_its_close_and_not_before() -> None:
    candles = candles_of(walk(5 * 672, seed=13))
    views = one_by_one(candles)
    for level, higher in enumerate(M15.higher()[:3], 1):
        trends = [getattr(view, f"trend_{level}") for view in views]
        moved = [
            (M15.close_of(candle.open_ms) % higher.ms, now != before)
            for candle, now, before in zip(candles[1:], trends[1:], trends, strict=False)
            if not isnan(before)
        ]
        assert sum(changed for _, changed in moved) > 3
        assert all(changed == (since_close == 0) for since_close, changed in moved)


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), wild=st.floats(1e-6, 0.3), count=st.integers(1, 400))
def test_views_are_finite_and_in_their_ranges(seed: int, wild: float, count: int) -> None:
    rng = np.random.default_rng(seed)
    close = 1.0
    candles = []
    for at in range(count):
        opened = close
        close = opened * float(np.exp(wild * rng.standard_normal()))
        high = max(opened, close) * (1.0 + wild * rng.random())
        low = min(opened, close) / (1.0 + wild * rng.random())
        volume = float(rng.integers(0, 3))
        candles.append(Candle(at * M15.ms, opened, high, low, close, volume))
    for bars, view in enumerate(one_by_one(candles), 1):
        assert view.bars == min(bars, BASE_WINDOW)
        assert all(abs(value) < inf or isnan(value) for value in view[3:])
        ranges = {"rsi": (0.0, 100.0), "support": (0.0, 10.0), "resistance": (0.0, 10.0)}
        for name in ("trend", "trend_base", "structure", "volume_balance"):
            ranges[name] = (-1.0, 1.0)
        for name, (least, most) in ranges.items():
            value = getattr(view, name)
            assert isnan(value) or least <= value <= most, name
