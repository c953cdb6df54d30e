"""The feed against an exchange of which each reply is decided here."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from aiohttp import web
from structlog.testing import capture_logs

from crypto_bot.adapters.clock import AcceleratedClock, SystemClock
from crypto_bot.adapters.exchange.dispatch import Refused
from crypto_bot.adapters.exchange.feed import CcxtFeed
from crypto_bot.adapters.exchange.line import Line
from crypto_bot.domain.clock_trust import Reading
from crypto_bot.domain.errors import (
    BadCandles,
    ConfigError,
    ExchangeUnavailable,
    MarketDataError,
    RateLimited,
)
from crypto_bot.domain.timeframe import Timeframe
from crypto_bot.ports import CandleFeed

TF = Timeframe.parse("15m")
T0 = 1_764_547_200_000
COINS = ("BTCUSDT", "ETHUSDT", "SOLUSDT")


def row(number: int, **changes: Any) -> list[Any]:
    prices = {"open": "2.0", "high": "3.0", "low": "1.0", "close": "2.5", "volume": "10.0"}
    return [T0 + number * TF.ms, *(prices | changes).values()]


def at(number: int) -> int:
    return T0 + number * TF.ms


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(120):
        while not condition():  # noqa: ASYNC110 -- the condition is in another program's hands
            await asyncio.sleep(0.002)


async def opens(asked: Awaitable[list[Any]]) -> list[int]:
    return [candle.open_ms for candle in await asked]


async def test_candles_are_passed_on_unchanged_and_nothing_else_is_asked_for(
    exchange: Any, clock: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):  # not for this machine
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    exchange.rows = [row(0, close="2.25"), row(1)]
    async with exchange.opened(clock) as feed:
        port: CandleFeed = feed
        candles = await port.candles("BTCUSDT", at(0), at(0))

    assert candles == [(T0, 2.0, 3.0, 1.0, 2.25, 10.0)]
    info, asked = exchange.seen
    assert (info.path, asked.path) == ("/api/v3/exchangeInfo", "/api/v3/klines")
    assert info.headers["User-Agent"].startswith("crypto-bot/")
    assert (asked.query["symbol"], asked.query["interval"]) == ("BTCUSDT", "15m")


async def test_the_open_candle_is_dropped_by_time_not_by_position(
    exchange: Any, clock: Any
) -> None:
    clock.at_ms = at(3) - 1
    exchange.rows = [row(0), row(1), row(2)]
    async with exchange.opened(clock) as feed:
        assert await opens(feed.candles("BTCUSDT", at(0), at(9))) == [at(0), at(1)]
        clock.at_ms = at(3)
        assert await opens(feed.candles("BTCUSDT", at(0), at(9))) == [at(0), at(1), at(2)]
        assert await feed.candles("BTCUSDT", at(3), at(9)) == []


@pytest.mark.parametrize(("most_rows", "requests"), [(1000, 4), (300, 10)])
async def test_long_spans_are_paged(
    exchange: Any, most_rows: int, requests: int, clock: Any
) -> None:
    clock.at_ms = at(5_000)
    exchange.rows = [row(number) for number in range(2_600)]
    exchange.most_rows = most_rows
    async with exchange.opened(clock) as feed:
        got = await opens(feed.candles("BTCUSDT", at(0), at(2_499)))

        assert await opens(feed.candles("BTCUSDT", at(3) - 1, at(5) + 1)) == [at(3), at(4), at(5)]
        assert await feed.candles("BTCUSDT", at(5), at(3)) == []

    assert got == [at(number) for number in range(2_500)]
    assert len(exchange.asked("klines")) == requests


async def test_missing_candles_are_absent_and_do_not_end_the_paging(
    exchange: Any, clock: Any
) -> None:
    kept = [0, 1, 3, *range(2_100, 2_400)]
    clock.at_ms = at(5_000)
    exchange.rows = [row(number) for number in kept]
    # An exchange that answers by windows: a page that lies in a gap is empty.
    exchange.script = windowed(exchange)
    async with exchange.opened(clock) as feed:
        assert await opens(feed.candles("BTCUSDT", at(0), at(4_000))) == [at(n) for n in kept]


def windowed(exchange: Any) -> Callable[[web.Request], web.Response | None]:
    def script(request: web.Request) -> web.Response | None:
        if "klines" not in request.path:
            return None
        since_ms, limit = int(request.query["startTime"]), int(request.query["limit"])
        end_ms = since_ms + limit * TF.ms
        return web.json_response([row for row in exchange.rows if since_ms <= row[0] < end_ms])

    return script


async def test_a_corrupt_reply_is_retried_and_never_used(exchange: Any, clock: Any) -> None:
    exchange.rows = [row(0), row(1), row(2)]
    bad = [[row(0), row(1, high="NaN"), row(2)], [row(0), row(2), row(1), row(2)]]

    def script(request: web.Request) -> web.Response | None:
        return web.json_response(bad.pop()) if bad and "klines" in request.path else None

    exchange.script = script
    async with exchange.opened(clock) as feed:
        assert await opens(feed.candles("BTCUSDT", at(0), at(1))) == [at(0), at(1)]
        bad += [[row(0, low=f"-{number}")] for number in range(1, 6)]
        with pytest.raises(BadCandles, match="BTCUSDT from binance: 1 x not_positive"):
            await feed.candles("BTCUSDT", at(0), at(1))
        assert feed.down_since_ms is None


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        (400, '{"code": -1121, "msg": "Invalid symbol."}', Refused),
        (400, '{"code": -1003, "msg": "Too many requests."}', RateLimited),
        (200, '{"a": 1}', BadCandles),
        (200, "7", ExchangeUnavailable),
        (200, "[1, 2]", BadCandles),
        (200, "[[", ExchangeUnavailable),
        (403, "<html>go away</html>", ExchangeUnavailable),
        (401, "{}", ExchangeUnavailable),
        (302, "", ExchangeUnavailable),
    ],
)
async def test_other_replies_are_mapped_to_domain_errors(
    exchange: Any, status: int, body: str, error: type[MarketDataError], clock: Any
) -> None:
    def script(request: web.Request) -> web.Response | None:
        return web.Response(status=status, text=body) if "klines" in request.path else None

    exchange.script = script
    async with exchange.opened(clock, max_attempts=2) as feed:
        with pytest.raises(error) as caught:
            await feed.candles("BTCUSDT", at(0), at(1))

    assert "BTC/USDT" not in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1
    assert len(exchange.asked("klines")) == 2  # where refused, once more without a time


async def test_a_coin_that_cannot_be_had_does_not_take_the_exchange_down(
    exchange: Any, clock: Any
) -> None:
    def script(request: web.Request) -> web.Response | None:
        return web.Response(status=500) if request.query.get("symbol") == "ETHUSDT" else None

    exchange.script = script
    async with exchange.opened(clock) as feed:
        for _ in range(5):
            with pytest.raises(ExchangeUnavailable):
                await feed.candles("ETHUSDT", at(0), at(0))
        assert feed.down_since_ms is None
        assert await feed.candles("BTCUSDT", at(0), at(0)) == []


async def test_all_requests_keep_the_pause_of_one(exchange: Any) -> None:
    limited = [web.Response(status=429, headers={"Retry-After": "60"}, text="{}")]
    first_ms = SystemClock().now_ms()
    speed = 200.0
    clock = AcceleratedClock(at(10), first_ms, speed)
    seen_ms: list[int] = []

    def script(request: web.Request) -> web.Response | None:
        seen_ms.append(clock.now_ms())
        return limited.pop() if limited and "klines" in request.path else None

    exchange.rows, exchange.script = [row(0), row(1)], script
    with capture_logs() as events:
        async with exchange.opened(clock) as feed:
            first = asyncio.create_task(feed.candles(COINS[0], at(0), at(0)))
            await until(lambda: any(event["event"] == "exchange.paused" for event in events))
            others = await asyncio.gather(*(feed.candles(c, at(0), at(0)) for c in COINS[1:]))
            assert others == [await first] * 2

    assert len(seen_ms) == 5
    assert min(seen_ms[2:]) - seen_ms[1] >= 60_000
    assert [event["event"] for event in events] == ["exchange.paused"]


async def test_a_ban_of_days_is_an_error_at_once(exchange: Any, clock: Any) -> None:
    def script(request: web.Request) -> web.Response | None:
        banned = web.Response(status=418, headers={"Retry-After": "259200"}, text="{}")
        return banned if "klines" in request.path else None

    exchange.script = script
    async with exchange.opened(clock) as feed:
        for coin in COINS:
            with pytest.raises(RateLimited) as caught:
                await feed.candles(coin, at(0), at(0))
            assert caught.value.retry_after_s == pytest.approx(259_200)
        assert feed.down_since_ms is None

    assert len(exchange.asked("klines")) == 1
    assert clock.at_ms == at(10)


async def test_half_of_the_shortest_round_trip_is_taken_off(exchange: Any, clock: Any) -> None:
    travels_ms = iter([900, 40, 300])

    def server_ms() -> int:
        travel_ms = next(travels_ms)  # all of it on the way back: the worst case
        sent_ms: int = clock.at_ms
        clock.at_ms += travel_ms
        return sent_ms + 5_000

    exchange.server_ms = server_ms
    async with exchange.opened(clock) as feed:
        evidence = await feed.time_evidence()
    assert min(evidence.readings) == Reading(40, 5_000 - 20)
    assert len(exchange.asked("time")) == 3


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("binanc", "15m", COINS), "unknown exchange 'binanc': did you mean 'binance'?"),
        (("??", "15m", COINS), "unknown exchange '??': see https://docs.ccxt.com for their ids"),
        (("coinbase", "4h", COINS), "coinbase has no candles of 4h; it has: 1m, 5m, 15m"),
        (("binance", "15m", ("BTCUSDT", "NOPEUSDT", "X")), "no spot market for NOPEUSDT, X "),
    ],
)
async def test_what_an_exchange_does_not_have_is_one_readable_line(
    exchange: Any, arguments: tuple[str, str, tuple[str, ...]], message: str
) -> None:
    exchange_id, timeframe, symbols = arguments
    line = Line(exchange_id, SystemClock(), url=exchange.url)
    feed = CcxtFeed(line, Timeframe.parse(timeframe))

    with pytest.raises(ConfigError) as caught:
        await feed.open(symbols)
    await feed.close()

    assert message in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


def test_unusable_arguments_are_refused_before_anything_is_asked() -> None:
    with pytest.raises(ConfigError, match="exchange_url 'nowhere'"):
        Line("binance", SystemClock(), url="nowhere")
    with pytest.raises(ConfigError, match="unknown market type 'margin': use one of spot, swap"):
        Line("binance", SystemClock(), market_type="margin")


async def test_an_exchange_that_is_down_from_the_start_is_waited_for(
    exchange: Any, clock: Any
) -> None:
    down = [web.Response(status=503), web.Response(text="[]"), web.Response(text="{}")]

    def script(_request: web.Request) -> web.Response | None:
        return down.pop() if len(down) > 1 else web.Response(status=503) if down else None

    exchange.script = script
    feed = CcxtFeed(Line("binance", clock, url=exchange.url), TF)

    with capture_logs() as events:
        while feed.down_since_ms is None:
            with pytest.raises(ExchangeUnavailable):
                await feed.open(COINS)
        waiting = asyncio.create_task(feed.wait_until_up())
        asked = len(exchange.seen)
        await until(lambda: len(exchange.seen) >= asked + 3)
        assert not waiting.done()
        down.clear()
        await waiting
        await feed.open(COINS)
        await feed.close()

    assert [event["event"] for event in events] == ["exchange.down", "exchange.up"]


async def test_closing_is_harmless_at_any_time(exchange: Any, clock: Any) -> None:
    feed = CcxtFeed(Line("binance", clock, url=exchange.url), TF)
    await feed.close()
    await feed.open(COINS)
    await feed.close()
    await feed.close()

    with pytest.raises(MarketDataError, match="binance: the feed was closed"):
        await feed.candles("BTCUSDT", at(0), at(0))
