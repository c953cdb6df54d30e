"""Prices that the simulated exchange sends over a websocket, and the polling when it stops."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

import pytest
from structlog.testing import capture_logs

from crypto_bot.adapters.clock import SystemClock
from crypto_bot.adapters.exchange.client import ExchangeClient
from crypto_bot.adapters.exchange.feed import CcxtFeed
from crypto_bot.adapters.exchange.line import Line
from crypto_bot.adapters.exchange.stream import SILENT_MS, StreamedPrices
from crypto_bot.domain.errors import ConfigError, MarketDataError
from crypto_bot.domain.quote import Quote
from crypto_bot.ports import PriceFeed
from tests.adapters.exchange.on_sim import COINS, T0, TF, TYPES, Sim, simulated


class Streamed(NamedTuple):
    sim: Sim
    prices: StreamedPrices
    polls: list[None]

    async def quotes_until(self, enough: Callable[[dict[str, Quote]], bool]) -> dict[str, Quote]:
        async with asyncio.timeout(120):
            while True:
                quotes = await self.prices.quotes()
                if enough(quotes):
                    return quotes
                await asyncio.sleep(0.01)

    async def renewed(self) -> dict[str, Quote]:
        """The quotes after every coin has had a newer one without a single poll."""
        async with asyncio.timeout(120):
            while True:
                polled = len(self.polls)
                before = await self.prices.quotes()
                after = await self.quotes_until(
                    lambda quotes: all(quotes[c].at_ms > before[c].at_ms for c in COINS)  # noqa: B023 - called at once
                )
                if len(self.polls) == polled:
                    return after


@pytest.fixture
def polls(monkeypatch: pytest.MonkeyPatch) -> list[None]:
    """One for each request for tickers."""
    polls: list[None] = []
    asked = ExchangeClient.tickers

    async def counted(self: ExchangeClient, listings: Any) -> Any:
        polls.append(None)
        return await asked(self, listings)

    monkeypatch.setattr(ExchangeClient, "tickers", counted)
    return polls


@asynccontextmanager
async def streamed(market_type: str, polls: list[None]) -> AsyncIterator[Streamed]:
    async with simulated(speed=10.0, market_type=market_type, streams=True) as sim:
        prices = StreamedPrices(sim.feed.line)
        try:
            yield Streamed(sim, prices, polls)
        finally:
            await prices.close()


async def lost(events: Sequence[Any]) -> None:
    async with asyncio.timeout(120):
        while not any(event["event"] == "stream.lost" for event in events):  # noqa: ASYNC110 - another task's log
            await asyncio.sleep(0.01)


@TYPES
async def test_what_is_sent_is_not_asked_for(market_type: str, polls: list[None]) -> None:
    async with streamed(market_type, polls) as stream:
        port: PriceFeed = stream.prices
        with capture_logs() as events:
            assert list(await port.quotes()) == list(COINS), "polled until the stream is there"
            after = await stream.renewed()
        steps = stream.prices.instruments()
        for coin, quote in after.items():
            true = stream.sim.tape.price(coin, quote.at_ms)
            assert true is not None
            assert float(quote.bid) == pytest.approx(true, rel=0.01)
            assert quote.bid < quote.ask
            assert quote.bid % steps[coin].tick == 0
            assert quote.at_ms <= stream.sim.clock.now_ms()
        assert (await stream.prices.book("BTCUSDT")).symbol == "BTCUSDT"
        assert await stream.prices.funding("BTCUSDT", T0 + 1, T0 + 2) == []
    assert [event["event"] for event in events] == ["stream.up"]


@TYPES
async def test_a_stream_that_is_cut_is_polled_for_and_comes_back(
    market_type: str, polls: list[None]
) -> None:
    async with streamed(market_type, polls) as stream:
        with capture_logs() as events:
            await stream.prices.quotes()
            await stream.renewed()
            await stream.sim.set("outage", seconds=6)
            await lost(events)
            polled = len(stream.polls)
            async with asyncio.timeout(120):
                while len(stream.polls) == polled:
                    try:
                        await stream.prices.quotes()
                    except MarketDataError:
                        continue
            await stream.quotes_until(lambda _: events[-1]["event"] == "stream.up")
            await stream.renewed()
    names = [event["event"] for event in events if event["event"].startswith("stream")]
    assert names == ["stream.up", "stream.lost", "stream.up"]


async def test_a_stream_that_falls_silent_is_polled_for_and_begun_anew(
    polls: list[None],
) -> None:
    async with streamed("spot", polls) as stream:
        with capture_logs() as events:
            await stream.prices.quotes()
            await stream.renewed()
            before = stream.prices._streamed.copy()
            await stream.sim.set("faults", kinds=["timeout"], rate=1.0)
            await lost(events)
            newest_ms = max(quote.at_ms for quote in stream.prices._streamed.values())
            assert stream.sim.clock.now_ms() - newest_ms > SILENT_MS
            await stream.sim.set("faults", rate=0.0)
            polled = await stream.prices.quotes()
            assert all(polled[coin].at_ms > before[coin].at_ms for coin in COINS)
            await stream.renewed()
    assert [event["event"] for event in events] == ["stream.up", "stream.lost", "stream.up"]
    assert "nothing was received for" in events[1]["reason"]


@pytest.mark.parametrize("kind", ["nan", "missing", "truncated", "html", "server_error"])
async def test_no_false_price_gets_through(kind: str, polls: list[None]) -> None:
    async with streamed("spot", polls) as stream:
        await stream.sim.set("faults", kinds=[kind], rate=0.3)
        got = 0
        while got < 20:
            await asyncio.sleep(0.02)
            try:
                quotes = await stream.prices.quotes()
            except MarketDataError:
                continue
            got += 1
            for coin, quote in quotes.items():
                true = stream.sim.tape.price(coin, quote.at_ms)
                assert true is not None
                assert float(quote.ask) == pytest.approx(true, rel=0.01)


async def test_an_exchange_that_sends_nothing_is_one_readable_line() -> None:
    feed = CcxtFeed(Line("coinmate", SystemClock(), streams=True), TF)
    with pytest.raises(ConfigError, match=r"coinmate .*: leave exchange.stream_prices off"):
        await feed.open(["BTCUSDT"])
