"""Prices against an exchange of which each reply is decided here."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from aiohttp import web
from structlog.testing import capture_logs

from crypto_bot.adapters.exchange.prices import CcxtPrices
from crypto_bot.domain.errors import BadPrices, ExchangeUnavailable
from crypto_bot.domain.instant import HOUR_MS
from crypto_bot.domain.timeframe import Timeframe
from crypto_bot.ports import PriceFeed

TF = Timeframe.parse("15m")
COINS = ("BTCUSDT", "ETHUSDT", "SOLUSDT")


def row(coin: str, bid: str, ask: str) -> dict[str, str]:
    return {"symbol": coin, "bidPrice": bid, "bidQty": "1.0", "askPrice": ask, "askQty": "2.0"}


def answering(path: str, reply: Callable[[], Any]) -> Callable[[web.Request], web.Response | None]:
    def script(request: web.Request) -> web.Response | None:
        return web.json_response(reply()) if request.path.endswith(path) else None

    return script


async def test_all_coins_are_quoted_in_one_request(exchange: Any, clock: Any) -> None:
    rows = [row(coin, "0.10000001", "0.3") for coin in COINS]
    exchange.script = answering("bookTicker", lambda: rows)
    async with exchange.opened(clock) as feed:
        prices = CcxtPrices(feed.line)
        port: PriceFeed = prices
        quotes = await port.quotes()

    assert list(quotes) == list(COINS)
    assert quotes["ETHUSDT"] == ("ETHUSDT", Decimal("0.10000001"), Decimal("0.3"), clock.at_ms)
    (asked,) = exchange.asked("ticker/bookTicker")
    assert asked.query["symbols"] == '["BTCUSDT","ETHUSDT","SOLUSDT"]'


async def test_invalid_quotes_are_left_out_and_logged_once(exchange: Any, clock: Any) -> None:
    rows = [row("BTCUSDT", "3", "2"), row("ETHUSDT", "1", "2")]
    exchange.script = answering("bookTicker", lambda: rows)
    async with exchange.opened(clock) as feed:
        prices = CcxtPrices(feed.line)
        with capture_logs() as events:
            for _ in range(3):
                assert list(await prices.quotes()) == ["ETHUSDT"]
            rows[0] = row("BTCUSDT", "1", "2")
            assert list(await prices.quotes()) == ["BTCUSDT", "ETHUSDT"]
            rows[:] = [row("BTCUSDT", "NaN", "2")]
            with pytest.raises(BadPrices, match=r"no quotes .*: BTCUSDT .* is no number"):
                await prices.quotes()
            replies = [[row("BTCUSDT", "1", "2")], [], []]
            exchange.script = answering("bookTicker", replies.pop)
            assert list(await prices.quotes()) == ["BTCUSDT"], "requested until it has one"
        assert feed.down_since_ms is None

    assert [event["event"] for event in events] == ["quote.refused"] * 2
    assert len(exchange.asked("ticker/bookTicker")) == 4 + 5 + 3


async def test_an_invalid_book_is_retried(exchange: Any, clock: Any) -> None:
    sound = {"bids": [["1.5", "2"], ["1.4", "1"]], "asks": [["1.6", "0.25"]]}
    replies = [sound, {"bids": [["1.7", "2"]], "asks": [["1.6", "1"]]}]
    exchange.script = answering("depth", replies.pop)
    async with exchange.opened(clock) as feed:
        prices = CcxtPrices(feed.line)
        started_ms = clock.at_ms
        book = await prices.book("BTCUSDT")
        assert book.asks == ((Decimal("1.6"), Decimal("0.25")),)
        assert [level.price for level in book.bids] == [Decimal("1.5"), Decimal("1.4")]
        assert book.at_ms == clock.at_ms > started_ms, "of the second request, not of the first"
        replies += [{"bids": [], "asks": []}] * 5
        with pytest.raises(BadPrices, match="a side is empty"):
            await prices.book("BTCUSDT")
        assert feed.down_since_ms is None


async def test_prices_and_candles_share_the_line(exchange: Any, clock: Any) -> None:
    exchange.script = lambda request: (
        web.Response(status=503) if "exchangeInfo" not in request.path else None
    )
    async with exchange.opened(clock) as feed:
        prices = CcxtPrices(feed.line)
        while feed.down_since_ms is None:
            with pytest.raises(ExchangeUnavailable):
                await prices.quotes()
        seen = len(exchange.seen)
        with pytest.raises(ExchangeUnavailable, match="binance is down"):
            await feed.candles("BTCUSDT", clock.at_ms - 9 * TF.ms, clock.at_ms)
        exchange.script = answering("bookTicker", lambda: [row("BTCUSDT", "1", "2")])
        clock.at_ms += 10_000
        assert list(await prices.quotes()) == ["BTCUSDT"]
        assert feed.down_since_ms is None

    assert len(exchange.seen) == seen + 1


async def test_funding_is_paged_and_ordered(exchange: Any, clock: Any) -> None:
    names = {"symbol": "BTCUSDT", "baseAsset": "BTC", "quoteAsset": "USDT", "status": "TRADING"}
    swap = {"contractType": "PERPETUAL", "pair": "BTCUSDT", "marginAsset": "USDT", "filters": []}
    first_ms = clock.at_ms - 250 * 8 * HOUR_MS
    dues = [first_ms + number * 8 * HOUR_MS for number in range(260)]

    def script(request: web.Request) -> web.Response:
        if "exchangeInfo" in request.path:
            return web.json_response({"symbols": [names | swap]})
        since_ms = int(request.query["startTime"])
        page = [due for due in dues if due >= since_ms][:100]
        rows = [{"symbol": "BTCUSDT", "fundingTime": due, "fundingRate": "0.0001"} for due in page]
        return web.json_response(rows[::-1] + rows[:1])  # out of order, and one twice

    exchange.script = script
    async with exchange.opened(clock, ["BTCUSDT"], market_type="swap") as feed:
        prices = CcxtPrices(feed.line)
        found = await prices.funding("BTCUSDT", dues[3] + 1, dues[249])
        assert [each.due_ms for each in found] == dues[4:250]
        assert {each.rate for each in found} == {Decimal("0.0001")}
        requests = len(exchange.seen)
        assert await prices.funding("BTCUSDT", dues[9], dues[9] - 1) == []
        assert await prices.funding("BTCUSDT", dues[259] + 1, dues[259] + HOUR_MS) == []

    assert requests == 1 + 3
    assert len(exchange.seen) == requests + 1
