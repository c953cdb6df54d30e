"""Prices that the simulated exchange sends over a websocket, and what happens when it stops."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

import aiohttp
import pytest
from structlog.testing import capture_logs

from crypto_bot.adapters.clock import AcceleratedClock, SystemClock
from crypto_bot.adapters.exchange.client import ExchangeClient
from crypto_bot.adapters.exchange.feed import CcxtFeed
from crypto_bot.adapters.exchange.stream import SILENT_MS, StreamedPrices
from crypto_bot.domain.errors import ConfigError, MarketDataError
from crypto_bot.domain.quote import Quote
from crypto_bot.domain.timeframe import Timeframe
from crypto_bot.ports import PriceFeed
from simulated_exchange.clock import ScaledClock
from simulated_exchange.config import SimConfig
from simulated_exchange.generated import GeneratedMarket
from simulated_exchange.server import serving
from simulated_exchange.tape import Tape

TF = Timeframe.parse("15m")
T0 = 1_764_547_200_000
COINS = ("BTCUSDT", "ETHUSDT", "VETUSDT")
SPEED = 10.0
TYPES = pytest.mark.parametrize("market_type", ["spot", "swap"])


class Sim(NamedTuple):
    url: str
    tape: Tape
    feed: CcxtFeed
    prices: StreamedPrices
    clock: AcceleratedClock
    polls: list[int]
    """When tickers were asked for."""

    async def set(self, control: str, **fields: Any) -> None:
        async with (
            aiohttp.ClientSession() as session,
            session.post(f"{self.url}/sim/{control}", json=fields) as reply,
        ):
            assert reply.status == 200, await reply.text()

    async def quotes_until(self, enough: Callable[[dict[str, Quote]], bool]) -> dict[str, Quote]:
        async with asyncio.timeout(120):
            while True:
                quotes = await self.prices.quotes()
                if enough(quotes):
                    return quotes
                await asyncio.sleep(0.01)

    async def streaming(self) -> None:
        """Until the stream alone has told of every coin."""
        polled = -1
        while polled != len(self.polls):
            polled = len(self.polls)
            await self.prices.quotes()
            await asyncio.sleep(0.02)


@asynccontextmanager
async def simulated(market_type: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Sim]:
    numbers = ScaledClock(T0, SystemClock().now_ms(), SPEED)
    clock = AcceleratedClock(*numbers)
    config = SimConfig(COINS, start_ms=T0, speed=SPEED, fault_seed=5)
    market = GeneratedMarket(COINS, TF.ms, config.seed)
    polls: list[int] = []
    asked = ExchangeClient.tickers

    async def counted(self: ExchangeClient, listings: Any) -> Any:
        polls.append(clock.now_ms())
        return await asked(self, listings)

    monkeypatch.setattr(ExchangeClient, "tickers", counted)
    async with serving(config, market, clock, numbers) as url:
        feed = CcxtFeed(
            "binance", TF, clock, url=url, timeout_s=1, market_type=market_type, streams=True
        )
        await feed.open(COINS)
        prices = StreamedPrices(feed.line)
        try:
            yield Sim(url, Tape(market), feed, prices, clock, polls)
        finally:
            await prices.close()
            await feed.close()


async def lost(events: Sequence[Any]) -> None:
    async with asyncio.timeout(120):
        while not any(event["event"] == "stream.lost" for event in events):  # noqa: ASYNC110 - another task's log
            await asyncio.sleep(0.01)


@TYPES
async def test_what_is_sent_is_not_asked_for(
    market_type: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with simulated(market_type, monkeypatch) as sim:
        port: PriceFeed = sim.prices
        with capture_logs() as events:
            assert list(await port.quotes()) == list(COINS), "polled until the stream is there"
            await sim.streaming()
        polled = len(sim.polls)
        before = await sim.prices.quotes()
        after = await sim.quotes_until(
            lambda quotes: all(quotes[coin].at_ms > before[coin].at_ms for coin in COINS)
        )
        assert len(sim.polls) == polled
        steps = sim.prices.instruments()
        for coin, quote in after.items():
            true = sim.tape.price(coin, quote.at_ms)
            assert true is not None
            assert float(quote.bid) == pytest.approx(true, rel=0.01)
            assert quote.bid < quote.ask
            assert quote.bid % steps[coin].tick == 0
            assert quote.at_ms <= sim.clock.now_ms()
        assert (await sim.prices.book("BTCUSDT")).symbol == "BTCUSDT"
        assert await sim.prices.funding("BTCUSDT", T0 + 1, T0 + 2) == []
    assert [event["event"] for event in events] == ["stream.up"]


@TYPES
async def test_a_stream_that_is_cut_is_polled_for_and_comes_back(
    market_type: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with simulated(market_type, monkeypatch) as sim:
        with capture_logs() as events:
            await sim.prices.quotes()
            await sim.streaming()
            await sim.set("outage", seconds=6)
            await lost(events)
            polled = len(sim.polls)
            async with asyncio.timeout(120):
                while len(sim.polls) == polled:
                    try:
                        await sim.prices.quotes()
                    except MarketDataError:
                        continue
            await sim.quotes_until(lambda _: events[-1]["event"] == "stream.up")
            await sim.streaming()
    told = [event["event"] for event in events if event["event"].startswith("stream")]
    assert told == ["stream.up", "stream.lost", "stream.up"]


async def test_a_stream_that_falls_silent_is_polled_for_and_begun_anew(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with simulated("spot", monkeypatch) as sim:
        with capture_logs() as events:
            await sim.prices.quotes()
            await sim.streaming()
            told = sim.prices._quotes.copy()
            await sim.set("faults", kinds=["timeout"], rate=1.0)
            await lost(events)
            newest_ms = max(quote.at_ms for quote in sim.prices._quotes.values())
            assert sim.clock.now_ms() - newest_ms > SILENT_MS
            await sim.set("faults", rate=0.0)
            polled = await sim.prices.quotes()
            assert all(polled[coin].at_ms > told[coin].at_ms for coin in COINS)
            await sim.streaming()
    assert [event["event"] for event in events] == ["stream.up", "stream.lost", "stream.up"]
    assert "nothing was received for" in events[1]["reason"]


@pytest.mark.parametrize("kind", ["nan", "missing", "truncated", "html", "server_error"])
async def test_no_false_price_gets_through(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async with simulated("spot", monkeypatch) as sim:
        await sim.set("faults", kinds=[kind], rate=0.3)
        got = 0
        for _ in range(60):
            await asyncio.sleep(0.02)
            try:
                quotes = await sim.prices.quotes()
            except MarketDataError:
                continue
            got += 1
            for coin, quote in quotes.items():
                true = sim.tape.price(coin, quote.at_ms)
                assert true is not None
                assert float(quote.ask) == pytest.approx(true, rel=0.01)
        assert got > 0


async def test_an_exchange_that_sends_nothing_is_one_readable_line() -> None:
    feed = CcxtFeed("coinmate", TF, SystemClock(), streams=True)
    with pytest.raises(ConfigError, match=r"coinmate .*: leave exchange.stream_prices off"):
        await feed.open(["BTCUSDT"])
