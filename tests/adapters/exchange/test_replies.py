"""Raw replies: sound and exact, or refused."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crypto_bot.adapters.exchange.replies import (
    STALE_MS,
    Request,
    exact,
    instrument,
    sound_book,
    sound_candles,
    sound_funding,
    sound_quote,
)
from crypto_bot.domain.candle import Candle, faults
from crypto_bot.domain.errors import BadCandles, BadPrices
from crypto_bot.domain.quote import Instrument, Level
from crypto_bot.domain.timeframe import Timeframe

TF = Timeframe.parse("15m")
T0 = SENT_MS = 1_764_547_200_000
REQUEST = Request("binance", SENT_MS, SENT_MS + 80)
NOW_MS = T0 + 10 * TF.ms
ONE = Decimal(1)


def row(number: int, **changes: Any) -> list[Any]:
    values = {"at": T0 + number * TF.ms, "open": 2.0, "high": 3.0, "low": 1.0, "close": 2.5}
    return list({**values, "volume": 10.0, **changes}.values())


def test_rows_become_candles() -> None:
    rows = [row(0), [*row(1, close="2.25"), "what follows is ignored"]]

    assert sound_candles(rows, TF, "test", NOW_MS) == [
        Candle(T0, 2.0, 3.0, 1.0, 2.5, 10.0),
        Candle(T0 + TF.ms, 2.0, 3.0, 1.0, 2.25, 10.0),
    ]
    assert sound_candles([], TF, "test", NOW_MS) == []
    newest_first = sound_candles([row(2), row(1), row(0)], TF, "test", NOW_MS)
    assert [candle.open_ms for candle in newest_first] == [T0, T0 + TF.ms, T0 + 2 * TF.ms]


@pytest.mark.parametrize(
    ("rows", "kind"),
    [
        ([row(0), row(1, close=float("nan"))], "1 x not_finite"),
        ([row(0), row(0), row(1)], "1 x duplicate"),
        ([row(0), row(2), row(1), row(3)], "1 x disordered"),
        ([row(3), row(1), row(2), row(0)], "1 x disordered"),
        ([row(0, low=-1.0)], "1 x not_positive"),
        ([row(0, volume=-1.0)], "1 x negative_volume"),
        ([row(0, high=2.1)], "1 x high_low"),
        ([row(0, at=T0 + 1)], "1 x off_grid"),
        ([row(0), row(1, at=T0 * 1000)], r"row 1: 1764547200000000 seems to be in microseconds"),
        ([row(0, at=T0 // 1000)], r"row 0: 1764547200 seems to be in seconds \(2025-12-01 00:00"),
        ([row(0, at=T0 * 10**6)], "in nanoseconds"),
        ([row(-10, at=0)], "row 0: 0 ms is before 2009"),
        ([row(0), row(12)], "row 1: 1764558000000 ms is after now"),
        ([row(0), row(1, close=None)], "row 1 is no candle"),
        ([row(0, at=None)], "row 0 is no candle"),
        ([row(0)[:5]], "row 0 is no candle"),
        (["candle"], "row 0 is no candle"),
    ],
)
def test_one_bad_row_spoils_the_reply(rows: list[Any], kind: str) -> None:
    with pytest.raises(BadCandles, match=kind) as caught:
        sound_candles(rows, TF, "BTCUSDT from binance", NOW_MS)
    assert str(caught.value).startswith("BTCUSDT from binance: ")


junk = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5))


@given(st.lists(st.one_of(junk, st.lists(junk, max_size=7), st.just(row(0))), max_size=5))
def test_whatever_comes_is_either_sound_or_refused(rows: list[Any]) -> None:
    try:
        candles = sound_candles(rows, TF, "test", NOW_MS)
    except BadCandles:
        return
    assert faults(candles, TF) == []
    assert len(candles) == len(rows)


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
        ({"asks": "gone"}, "'asks'"),
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
    spoilt = {name: side for name, side in book(**changes).items() if side != "gone"}
    with pytest.raises(BadPrices, match=f"the book of BTCUSDT from binance .*: .*{message}"):
        sound_book("BTCUSDT", spoilt, ONE, REQUEST)


@pytest.mark.parametrize("rate", [float("nan"), None, 1.0, -3, "much"])
def test_funding_that_cannot_be_true_is_refused(rate: Any) -> None:
    with pytest.raises(BadPrices, match="funding of BTCUSDT from binance is invalid"):
        sound_funding("BTCUSDT", {"fundingRate": rate, "timestamp": SENT_MS}, "binance")


def test_funding_may_be_negative() -> None:
    row = {"fundingRate": -0.00012345, "timestamp": SENT_MS}
    assert sound_funding("BTCUSDT", row, "x") == ("BTCUSDT", SENT_MS, Decimal("-0.00012345"))


def market(**changes: Any) -> dict[str, Any]:
    listed: dict[str, Any] = {
        "precision": {"price": 0.01, "amount": 1e-05},
        "limits": {"amount": {"min": 0.001}, "cost": {"min": 5.0}},
        "contractSize": None,
    }
    return listed | changes


@pytest.mark.parametrize(
    ("changes", "in_steps", "expected"),
    [
        ({}, True, ("0.01", "0.00001", "0.001", 5)),
        # A number of digits is made a step.
        ({"precision": {"price": 2.0, "amount": 0}}, False, ("0.01", 1, 1, 5)),
        # Contracts are counted in coins.
        (
            {
                "precision": {"price": 0.1, "amount": 1.0},
                "contractSize": 0.01,
                "limits": {"amount": {"min": 5.0}},
            },
            *(True, ("0.1", "0.01", "0.05", 0)),
        ),
        # A missing step is the finest.
        *(
            ({"precision": {"price": None, "amount": 0.0}, "limits": limits},
             True, ("1E-8", "1E-8", "1E-8", 0))
            for limits in ({}, {"amount": None, "cost": None}, {"amount": {"min": None}})
        ),
    ],
)  # fmt: skip
def test_steps_are_those_of_the_listing(
    changes: dict[str, Any], in_steps: bool, expected: tuple[Any, ...]
) -> None:
    steps = instrument("X", market(**changes), in_steps=in_steps)
    assert steps == Instrument("X", *map(Decimal, expected))
