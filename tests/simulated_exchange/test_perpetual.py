"""Contracts on the simulated exchange, through the real ccxt client."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from simulated_exchange.faults import FaultKind, Faults
from simulated_exchange.generated import GeneratedMarket
from simulated_exchange.perpetual import FUNDING_MS, PerpetualRest, funding_rate
from simulated_exchange.rest import SpotRest
from simulated_exchange.tape import Tape


@pytest.fixture
async def client(connect: Any) -> AsyncIterator[Any]:
    async with connect(linear=True) as made:
        yield made


async def test_contracts_have_their_steps_and_least_worth(client: Any) -> None:
    markets = await client.load_markets()
    assert set(markets) == {"BTC/USDT:USDT", "ETH/USDT:USDT", "VET/USDT:USDT"}
    vet = markets["VET/USDT:USDT"]
    assert (vet["type"], vet["linear"], vet["active"]) == ("swap", True, True)
    assert vet["precision"] == {"amount": 0.1, "price": 1e-5, "base": None, "quote": None}
    assert vet["limits"]["cost"]["min"] == 5.0


async def test_prices_are_those_of_the_open_candle(client: Any, clock: Any) -> None:
    tickers = await client.fetch_tickers()
    quotes = await client.fetch_bids_asks()
    for symbol, ticker in tickers.items():
        row = (await client.fetch_ohlcv(symbol, "15m", None, 1))[0]
        assert ticker["last"] == row[4]
        assert ticker["bid"] is None, "contracts have the book elsewhere"
        book = await client.fetch_order_book(symbol, 5)
        assert book["timestamp"] == clock.at_ms
        assert [quotes[symbol]["bid"], quotes[symbol]["ask"]] == [
            book["bids"][0][0],
            book["asks"][0][0],
        ]
        assert quotes[symbol]["bid"] <= row[4] <= quotes[symbol]["ask"]


async def test_what_was_expected_is_paid_when_it_is_due(client: Any, clock: Any) -> None:
    due_ms = (clock.at_ms // FUNDING_MS + 1) * FUNDING_MS
    early = (await client.fetch_funding_rates(["BTC/USDT:USDT"]))["BTC/USDT:USDT"]
    assert early["fundingTimestamp"] == due_ms
    clock.at_ms = due_ms - 1
    expected = (await client.fetch_funding_rates(["BTC/USDT:USDT"]))["BTC/USDT:USDT"]
    assert expected["fundingTimestamp"] == due_ms
    clock.at_ms = due_ms + 60_000
    paid = await client.fetch_funding_rate_history("BTC/USDT:USDT", due_ms - 3 * FUNDING_MS)
    assert [each["timestamp"] for each in paid] == [
        due_ms - back * FUNDING_MS for back in (3, 2, 1, 0)
    ]
    assert paid[-1]["fundingRate"] == pytest.approx(expected["fundingRate"], abs=1e-5)


def test_a_rise_makes_longs_pay_more_but_never_more_than_the_cap(market: GeneratedMarket) -> None:
    tape = Tape(market)
    dues = range(1_764_547_200_000, 1_764_547_200_000 + 200 * FUNDING_MS, FUNDING_MS)
    rates = [funding_rate(tape, "ETHUSDT", due_ms, due_ms) for due_ms in dues]
    moves = [
        (tape.price("ETHUSDT", due_ms) or 0) - (tape.price("ETHUSDT", due_ms - FUNDING_MS) or 0)
        for due_ms in dues
    ]
    assert all((rate > 1e-4) == (move > 0) for rate, move in zip(rates, moves, strict=True))
    assert max(map(abs, rates)) <= 7.5e-4


def test_no_other_endpoint_exists(market: GeneratedMarket) -> None:
    tape = Tape(market)
    rest = PerpetualRest(tape, SpotRest(tape))
    assert rest.reply("/fapi/v1/openInterest", {}, 0) is None
    refused = rest.reply("/fapi/v1/fundingRate", {"symbol": "NOPEUSDT"}, 0)
    assert refused is not None
    assert refused.status == 400


def test_faults_strike_tickers_too(market: GeneratedMarket, clock: Any) -> None:
    rest = SpotRest(Tape(market))
    for path in ("24hr", "bookTicker", "price"):
        sound = rest.reply(f"/api/v3/ticker/{path}", {}, clock.at_ms)
        assert sound is not None
        faults = Faults(1, 0.0)
        faults.set_rate(1.0, [FaultKind.NAN])
        rows = json.loads(faults.spoil(sound, 0).body)
        assert sum(value == "NaN" for row in rows for value in row.values()) == 1
