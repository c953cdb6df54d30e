"""The client of an exchange that is not Binance, and what is the same for all."""

from __future__ import annotations

from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import pytest
from aiohttp import web
from structlog.testing import capture_logs

from crypto_bot.adapters.clock import AcceleratedClock, SystemClock
from crypto_bot.adapters.exchange.client import ExchangeClient
from crypto_bot.adapters.exchange.line import Line
from crypto_bot.adapters.exchange.prices import CcxtPrices
from crypto_bot.adapters.exchange.replies import sound_candles
from crypto_bot.domain.candle import Candle
from crypto_bot.domain.errors import ExchangeUnavailable, RateLimited
from crypto_bot.domain.timeframe import Timeframe
from crypto_bot.ports import Clock

TF = Timeframe.parse("15m")
T0_S = 1_764_547_200
PAIR = {
    "altname": "XBTUSDT",
    "wsname": "XBT/USDT",
    "base": "XXBT",
    "quote": "USDT",
    "fees": [[0, 0.4]],
    "fees_maker": [[0, 0.25]],
    "leverage_buy": [],
    "pair_decimals": 1,
    "lot_decimals": 8,
    "ordermin": "0.00005",
    "status": "online",
}
ONE = ["1", "1"]
TICKER = {"a": ["91234.60000", "1", "1.0"], "b": ["91234.50000", "2", "2.0"], "t": [1, 1], "o": "1"}
TICKER |= dict.fromkeys("cvplh", ONE)
OHLC = [[T0_S + n * 900, "2.0", "3.0", "1.0", "2.5", "2.2", "10.0", 7] for n in range(3)]


@pytest.fixture
async def kraken(exchange: Any) -> AsyncIterator[Line]:
    replies = {"AssetPairs": {"XBTUSDT": PAIR}, "OHLC": {"XBTUSDT": OHLC, "last": 0}}
    replies["Ticker"] = {"XBTUSDT": TICKER}

    def script(request: web.Request) -> web.Response:
        result = replies[request.path.removeprefix("/0/public/")]
        return web.json_response({"error": [], "result": result})

    exchange.script = script
    line = Line("kraken", fast(), url=exchange.url)
    await line.open(["BTCUSDT"])
    yield line
    await line.close()


def fast() -> Clock:
    return AcceleratedClock(T0_S * 1000, SystemClock().now_ms(), 1800.0)


async def test_another_exchange_is_asked_in_its_own_way(exchange: Any, kraken: Line) -> None:
    rows = await kraken.client.rows(kraken.listings["BTCUSDT"], "15m", T0_S * 1000, 10)
    candles = sound_candles(rows, TF, "kraken", T0_S * 1000 + 10 * TF.ms)
    assert {type(candle) for candle in candles} == {Candle}, "it says nothing of their trading"
    assert [c.volume for c in candles] == [
        10.0,
        10.0,
        10.0,
    ]
    # One request for the markets: neither currencies nor anything else was asked for.
    assert [r.path for r in exchange.seen] == ["/0/public/AssetPairs", "/0/public/OHLC"]

    prices = CcxtPrices(kraken)
    _, bid, ask, _ = (await prices.quotes())["BTCUSDT"]
    assert (bid, ask) == (Decimal("91234.5"), Decimal("91234.6")), "it has no best prices apart"
    steps = prices.instruments()["BTCUSDT"]
    assert steps[1:4] == (Decimal("0.1"), Decimal("1E-8"), Decimal("0.00005"))
    assert kraken.client.page_limit("BTC/USDT") == 720


@pytest.mark.parametrize("body", ["", "<html>Just a moment...</html>", '{"result": {"XBT'])
async def test_what_is_no_json_is_never_taken_for_no_candles(
    exchange: Any, kraken: Line, body: str
) -> None:
    exchange.script = lambda _request: web.Response(text=body)

    with pytest.raises(ExchangeUnavailable, match="no JSON but"):
        await kraken.client.rows("BTC/USDT", "15m", T0_S * 1000, 10)


async def test_a_rate_limit_with_status_200_is_one_too(exchange: Any, kraken: Line) -> None:
    exchange.script = lambda _request: web.json_response({"error": ["EAPI:Rate limit exceeded"]})

    with capture_logs() as events, pytest.raises(RateLimited) as caught:
        await kraken.client.rows("BTC/USDT", "15m", T0_S * 1000, 10)

    assert caught.value.retry_after_s == 10.0
    assert [event["event"] for event in events] == ["exchange.paused"]


def test_the_rate_limit_goes_by_the_clock() -> None:
    usual = ExchangeClient("binance", SystemClock(), None, 5.0, "spot")
    hurried = ExchangeClient("binance", fast(), None, 5.0, "spot")

    per_ms = [client._ccxt.tokenBucket["refillRate"] for client in (usual, hurried)]
    assert per_ms == pytest.approx([1 / 50, 1800 / 50])
