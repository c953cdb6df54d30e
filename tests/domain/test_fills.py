"""Fills, by hand and with random order books."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crypto_bot.domain.fills import (
    Costs,
    assumed_instrument,
    fee,
    forced_price,
    market_price,
    to_lot,
    to_tick,
    walk,
)
from crypto_bot.domain.quote import Instrument, Level
from tests.domain.paper_accounts import D

ASKS = (Level(D("100.0"), D(1)), Level(D("100.1"), D(2)), Level(D("101.0"), D(50)))
BIDS = (Level(D("99.9"), D(1)), Level(D("99.8"), D(1)), Level(D("98.0"), D(50)))
TICK = D("0.01")


def test_prices_and_amounts_are_rounded_to_ticks_and_lots() -> None:
    assert to_tick(D("100.004"), TICK, up=True) == D("100.01")
    assert to_tick(D("100.009"), TICK, up=False) == D("100.00")
    assert to_tick(D("100.01"), TICK, up=True) == D("100.01")
    assert to_tick(D("0.001"), TICK, up=False) == TICK, "a price is never 0"
    assert to_tick(D("7.3"), D("0.25"), up=True) == D("7.50")
    assert to_lot(D("1.2399"), D("0.002")) == D("1.238")
    assert to_lot(D("0.0009"), D("0.001")) == 0


def test_fees_by_hand() -> None:
    assert fee(D("1234.56"), D(10)) == D("1.23456")
    assert fee(D("0.00001"), D("7.5")) == D("0.00000001"), "rounded up"
    assert fee(D(5), D(0)) == 0


def test_a_market_order_pays_half_the_spread_and_slips() -> None:
    costs = Costs(D(10), D(2), D(2), D(3), D(20))
    coin = Instrument("BTCUSDT", TICK, TICK, TICK, D(5))
    assert market_price(D(100), costs, coin, buys=True) == D("100.05")
    assert market_price(D(100), costs, coin, buys=False) == D("99.95")
    assert market_price(D("99.99"), costs, coin, buys=True) == D("100.04"), "100.039995, up"


def test_filling_from_the_book_by_hand() -> None:
    # 1 at 100.0 and 1 at 100.1: 200.1 for 2
    assert walk(ASKS, D(2), D(20), TICK, buys=True) == (D("100.05"), D(2))
    # 101 is 100 bp away: within 20 bp there are 3, (100 + 200.2) / 3 = 100.0666..., up
    assert walk(ASKS, D(10), D(20), TICK, buys=True) == (D("100.07"), D(3))
    # 1 at 99.9 and 1 at 99.8: 99.85
    assert walk(BIDS, D(2), D(20), TICK, buys=False) == (D("99.85"), D(2))


def test_a_forced_close_fills_the_missing_amount_at_the_cap() -> None:
    assert forced_price(BIDS, D(2), D(20), TICK, buys=False) == D("99.85")
    # 1 at 99.9, 1 at 99.8, 2 at 99.9 less 20 bp = 99.7002: 399.1004 / 4 = 99.7751, down
    assert forced_price(BIDS, D(4), D(20), TICK, buys=False) == D("99.77")


@pytest.mark.parametrize(
    ("price", "tick", "lot"),
    [("91234.5", "0.1", "0.000001"), ("0.00001234", "1E-10", "1000"), ("1.5", "0.00001", "0.01")],
)
def test_an_assumed_instrument(price: str, tick: str, lot: str) -> None:
    coin = assumed_instrument("X", D(price))
    assert (coin.tick, coin.lot) == (D(tick), D(lot))


levels = st.lists(
    st.tuples(st.integers(9_000, 11_000), st.integers(1, 5_000)), min_size=1, max_size=20
)


@given(levels, st.integers(1, 50_000), st.integers(0, 500), st.booleans())
def test_a_fill_stays_within_the_book_and_the_cap(
    rows: list[tuple[int, int]], wanted: int, cap: int, buys: bool
) -> None:
    ordered = sorted(rows, reverse=not buys)
    book = [Level(D(price) / 100, D(amount) / 1000) for price, amount in ordered]
    amount = D(wanted) / 1000
    found = walk(book, amount, D(cap), TICK, buys=buys)
    best = book[0].price
    limit = best * (1 + (1 if buys else -1) * D(cap) / 10_000)
    within = sum(
        each.amount for each in book if (each.price <= limit if buys else each.price >= limit)
    )
    assert found.amount == min(amount, within)
    if buys:
        assert best <= found.price <= limit + TICK
    else:
        assert best >= found.price >= limit - TICK
    assert found.price % TICK == 0
