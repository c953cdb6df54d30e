"""Requests and replies as of Binance."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulated_exchange.config import ConfigError
from simulated_exchange.generated import GeneratedMarket
from simulated_exchange.intervals import INTERVALS
from simulated_exchange.rest import SpotRest, split
from simulated_exchange.tape import Tape

M15_MS = INTERVALS["15m"]
OPEN_MS = 1_764_547_200_000
NOW_MS = OPEN_MS + 400_000
REST = SpotRest(Tape(GeneratedMarket(("BTCUSDT", "ETHUSDT"), M15_MS, seed=7)))
ILLEGAL = "Illegal characters found in parameter '{}'; legal range is '{}'."
MISSING = "Mandatory parameter '{}' was not sent, was empty/null, or malformed."
NOT_VALID = "Data sent for parameter 'limit' is not valid."
COMBINED = "Combination of optional parameters invalid."
UNKNOWN = -1121, "Invalid symbol."
DIGITS, LETTERS = "^[0-9]{1,20}$", "^[A-Z0-9-_.]{1,20}$"
LIST = r'^\[("[A-Z0-9-_.]{1,20}"(,"[A-Z0-9-_.]{1,20}"){0,}){0,1}\]$'


def ask(path: str, **query: str) -> Any:
    reply = REST.reply(f"/api/v3/{path}", query, NOW_MS)
    assert reply is not None
    assert reply.status == 200, reply
    return reply.body


KLINES = {"symbol": "BTCUSDT", "interval": "15m"}


@pytest.mark.parametrize(
    ("path", "query", "code", "message"),
    [
        ("klines", KLINES | {"symbol": "FOOUSDT"}, *UNKNOWN),
        ("klines", KLINES | {"interval": "7m"}, -1120, "Invalid interval."),
        ("klines", KLINES | {"interval": "5m"}, -1120, "Invalid interval."),
        ("klines", {"interval": "15m"}, -1102, MISSING.format("symbol")),
        ("klines", {"symbol": "BTCUSDT"}, -1102, MISSING.format("interval")),
        ("klines", KLINES | {"symbol": ""}, -1102, MISSING.format("symbol")),
        ("klines", KLINES | {"startTime": "-5"}, -1100, ILLEGAL.format("startTime", DIGITS)),
        ("klines", KLINES | {"limit": "x"}, -1100, ILLEGAL.format("limit", DIGITS)),
        ("klines", KLINES | {"limit": "0"}, -1130, NOT_VALID),
        ("klines", KLINES | {"symbol": "BTC/USDT"}, -1100, ILLEGAL.format("symbol", LETTERS)),
        ("depth", {"symbol": "FOOUSDT"}, *UNKNOWN),
        ("exchangeInfo", {"symbol": "FOOUSDT"}, *UNKNOWN),
        ("ticker/24hr", {"symbols": '["BTCUSDT","FOOUSDT"]'}, *UNKNOWN),
        ("ticker/price", {"symbol": "BTCUSDT", "symbols": '["BTCUSDT"]'}, -1128, COMBINED),
        *(
            ("ticker/price", {"symbols": text}, -1100, ILLEGAL.format("symbols", LIST))
            for text in ("BTCUSDT", "[]", "{}", '"BTCUSDT"')
        ),
    ],
)
def test_a_request_that_cannot_be_served(
    path: str, query: dict[str, str], code: int, message: str
) -> None:
    assert REST.reply(f"/api/v3/{path}", query, NOW_MS) == (400, {"code": code, "msg": message})
    assert REST.reply("/api/v3/order", {}, NOW_MS) is None, "no other endpoint exists"


def test_a_kline_has_twelve_fields_of_which_the_prices_are_text() -> None:
    row = ask("klines", **KLINES, endTime=str(OPEN_MS - 1), limit="1")[0]
    assert len(row) == 12
    assert row[0] == OPEN_MS - M15_MS
    assert row[6] == OPEN_MS - 1
    assert all(len(text.split(".")[1]) == 8 for text in row[1:6])
    assert float(row[3]) <= float(row[7]) / float(row[5]) <= float(row[2])


@given(
    start=st.none() | st.integers(-2500, 10),
    end=st.none() | st.integers(-2500, 10),
    limit=st.none() | st.integers(1, 3000),
)
def test_which_klines_are_sent(start: int | None, end: int | None, limit: int | None) -> None:
    asked = {"startTime": start, "endTime": end}
    query = {name: str(OPEN_MS + at * M15_MS) for name, at in asked.items() if at is not None}
    if limit is not None:
        query["limit"] = str(limit)
    opens = [row[0] for row in ask("klines", **KLINES, **query)]
    reach = range(
        OPEN_MS - 5000 * M15_MS if start is None else OPEN_MS + start * M15_MS,
        (OPEN_MS if end is None else min(OPEN_MS, OPEN_MS + end * M15_MS)) + 1,
        M15_MS,
    )
    most = min(limit or 500, 1000)
    assert opens == list(reach[-most:] if start is None else reach[:most])


def test_times_of_twenty_digits_are_only_far_away() -> None:
    far = "9" * 20
    assert ask("klines", **KLINES, startTime=far) == []
    assert ask("klines", **KLINES, endTime=far, limit="1")[0][0] == OPEN_MS


def test_the_tickers_of_one_some_and_all() -> None:
    one = ask("ticker/price", symbol="BTCUSDT")
    assert ask("ticker/price", symbols='["BTCUSDT"]') == [one]
    assert [ticker["symbol"] for ticker in ask("ticker/price")] == ["BTCUSDT", "ETHUSDT"]
    day = ask("ticker/24hr", symbol="BTCUSDT")
    book = ask("ticker/bookTicker", symbol="BTCUSDT")
    depth = ask("depth", symbol="BTCUSDT", limit="1")
    assert day["lastPrice"] == one["price"] in (book["bidPrice"], book["askPrice"])
    assert [book["bidPrice"], book["bidQty"]] == depth["bids"][0]
    assert [book["askPrice"], book["askQty"]] == depth["asks"][0]
    assert book == {name: day[name] for name in book}
    rows = ask("klines", **KLINES, limit="96")
    assert day["openPrice"] == rows[0][1]
    assert float(day["highPrice"]) == max(float(row[2]) for row in rows)
    assert float(day["lowPrice"]) == min(float(row[3]) for row in rows)
    assert float(day["volume"]) == pytest.approx(sum(float(row[5]) for row in rows))
    assert day["openTime"] == rows[0][0]


def test_symbols_are_split_by_their_quote() -> None:
    assert split("BTCUSDT") == ("BTC", "USDT")
    assert split("ETHBTC") == ("ETH", "BTC")
    with pytest.raises(ConfigError, match="'EURX'"):
        split("EURX")
