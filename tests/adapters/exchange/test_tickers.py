"""Invalid prices are refused, and valid ones are exact."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crypto_bot.adapters.exchange.tickers import (
    STALE_MS,
    Request,
    exact,
    sound_book,
    sound_funding,
    sound_quote,
)
from crypto_bot.domain.errors import BadPrices
from crypto_bot.domain.quote import Level

SENT_MS = 1_764_547_200_000
REQUEST = Request("binance", SENT_MS, SENT_MS + 80)
ONE = Decimal(1)


def book(**changes: Any) -> dict[str, Any]:
    sides = {"bids": [[2.0, 1.0], [1.9, 3.0]], "asks": [[2.1, 1.0], [2.2, 0.5]], "timestamp": None}
    return sides | changes


@given(st.integers(1, 10**15 - 1), st.integers(0, 10))
def test_what_was_written_arrives_to_the_last_digit(digits: int, decimals: int) -> None:
    written = f"{Decimal(digits).scaleb(-decimals):f}"
    assert exact(float(written)) == exact(written) == Decimal(written)


def test_a_quote_says_of_when_it_is_at_the_earliest() -> None:
    ticker = {"bid": 91234.5, "ask": "91234.60000000", "timestamp": None}
    quote = sound_quote("BTCUSDT", ticker, REQUEST)
    assert quote == ("BTCUSDT", Decimal("91234.5"), Decimal("91234.6"), SENT_MS)
    assert sound_quote("X", ticker | {"timestamp": SENT_MS - 700}, REQUEST).at_ms == SENT_MS - 700
    assert sound_quote("X", ticker | {"bid": ticker["ask"]}, REQUEST).bid == Decimal("91234.6")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"bid": 2.2}, "bid 2.2 is above ask 2.1"),
        ({"bid": 0.0}, "0.0 is not above zero"),
        ({"ask": -1.0}, "-1.0 is not above zero"),
        ({"ask": float("nan")}, "nan is no number"),
        ({"bid": float("inf")}, "inf is no number"),
        ({"bid": None}, "None is no number"),
        ({"ask": "n/a"}, "'n/a' is no number"),
        ({"timestamp": SENT_MS - STALE_MS - 1}, "it is of "),
        ({"timestamp": SENT_MS + 80 + STALE_MS + 1}, "it is of "),
        ({"timestamp": float("inf")}, "infinity"),
    ],
)
def test_an_invalid_quote_is_refused(changes: dict[str, Any], message: str) -> None:
    ticker = {"bid": 2.0, "ask": 2.1, "timestamp": SENT_MS}
    assert sound_quote("BTCUSDT", ticker, REQUEST).bid == 2
    with pytest.raises(BadPrices, match=f"BTCUSDT from binance is not quoted: .*{message}"):
        sound_quote("BTCUSDT", ticker | changes, REQUEST)


def test_a_book_is_in_coins_even_where_contracts_are_not() -> None:
    sound = sound_book("BTCUSDT", book(), Decimal("0.01"), REQUEST)
    second = Level(Decimal("1.9"), Decimal("0.03"))
    assert sound.bids == (Level(Decimal(2), Decimal("0.01")), second)
    assert sound.asks[0].price == Decimal("2.1")
    assert sound.at_ms == SENT_MS


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"asks": []}, "a side is empty"),
        ({"bids": None}, "a side is empty"),
        ({"bids": [[2.2, 1.0]]}, "bid 2.2 is above ask 2.1"),
        ({"bids": [[2.0, 1.0], [2.0, 1.0]]}, "bids are not in order"),
        ({"asks": [[2.1, 1.0], [2.1, 2.0]]}, "asks are not in order"),
        ({"asks": [[2.1, 0.0]]}, "0.0 is not above zero"),
        ({"asks": [[2.1, 1.0], [float("nan"), 1.0]]}, "nan is no number"),
        ({"asks": [[2.1]]}, "index out of range"),
        ({"timestamp": SENT_MS - STALE_MS - 1}, "it is of "),
    ],
)
def test_an_invalid_book_is_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(BadPrices, match=f"the book of BTCUSDT from binance .*: .*{message}"):
        sound_book("BTCUSDT", book(**changes), ONE, REQUEST)


def test_a_missing_side_is_refused() -> None:
    with pytest.raises(BadPrices, match="'asks'"):
        sound_book("BTCUSDT", {"bids": [[1.0, 1.0]]}, ONE, REQUEST)


@pytest.mark.parametrize("rate", [float("nan"), None, 1.0, -3, "much"])
def test_funding_that_cannot_be_true_is_refused(rate: Any) -> None:
    with pytest.raises(BadPrices, match="funding of BTCUSDT from binance is invalid"):
        sound_funding("BTCUSDT", {"fundingRate": rate, "timestamp": SENT_MS}, "binance")


def test_funding_may_be_negative() -> None:
    row = {"fundingRate": -0.00012345, "timestamp": SENT_MS}
    assert sound_funding("BTCUSDT", row, "x") == ("BTCUSDT", SENT_MS, Decimal("-0.00012345"))
