"""The feed against the simulated exchange: every fault, an outage, and all coins at once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import starmap
from typing import Any

import aiohttp
import pytest
from structlog.testing import capture_logs

from crypto_bot.adapters.clock import AcceleratedClock, SystemClock
from crypto_bot.adapters.exchange.breaker import BreakerState
from crypto_bot.adapters.exchange.feed import CcxtFeed
from crypto_bot.domain.candle import Candle
from crypto_bot.domain.errors import BadCandles, ExchangeUnavailable, MarketDataError, RateLimited
from crypto_bot.domain.timeframe import Timeframe
from simulated_exchange.clock import ScaledClock
from simulated_exchange.config import SimConfig
from simulated_exchange.generated import GeneratedMarket
from simulated_exchange.server import serving

TF = Timeframe.parse("15m")
T0 = 1_764_547_200_000
COINS = ("BTCUSDT", "ETHUSDT", "SOLUSDT")
SPEED = 2_000.0


class Sim:
    """A running exchange, its market, and a feed that is open on it."""

    def __init__(self, url: str, market: GeneratedMarket, feed: CcxtFeed) -> None:
        self.url, self.market, self.feed = url, market, feed

    async def set(self, control: str, **fields: Any) -> None:
        async with (
            aiohttp.ClientSession() as session,
            session.post(f"{self.url}/sim/{control}", json=fields) as reply,
        ):
            assert reply.status == 200, await reply.text()

    def truth(self, coin: str, since_ms: int, until_ms: int) -> list[Candle]:
        return list(starmap(Candle, self.market.candles(coin, since_ms, until_ms)))


@asynccontextmanager
async def simulated(timeout_s: float = 30.0) -> AsyncIterator[Sim]:
    numbers = ScaledClock(T0, SystemClock().now_ms(), SPEED)
    clock = AcceleratedClock(*numbers)
    config = SimConfig(COINS, start_ms=T0, speed=SPEED, fault_seed=3)
    market = GeneratedMarket(COINS, TF.ms, config.seed)
    async with serving(config, market, clock, numbers) as url:
        feed = CcxtFeed("binance", TF, clock, url=url, timeout_s=timeout_s)
        try:
            await feed.open(COINS)
            yield Sim(url, market, feed)
        finally:
            await feed.close()


async def test_all_coins_at_once_over_several_pages() -> None:
    since_ms, until_ms = T0 - 2_300 * TF.ms, T0 - TF.ms
    async with simulated() as sim:
        got = await asyncio.gather(*(sim.feed.candles(coin, since_ms, until_ms) for coin in COINS))

        for coin, candles in zip(COINS, got, strict=True):
            truth = sim.truth(coin, since_ms, until_ms)
            assert [candle.open_ms for candle in candles] == [candle.open_ms for candle in truth]
            assert [x for c in candles for x in c] == pytest.approx([x for c in truth for x in c])


@pytest.mark.parametrize(
    ("kind", "error"),
    [
        ("rate_limited", RateLimited),
        ("banned", RateLimited),
        ("server_error", ExchangeUnavailable),
        ("timeout", ExchangeUnavailable),
        ("truncated", ExchangeUnavailable),
        ("html", ExchangeUnavailable),
        ("html_503", ExchangeUnavailable),
        ("duplicated", BadCandles),
        ("disordered", BadCandles),
        ("nan", BadCandles),
    ],
)
async def test_every_fault_has_its_error_and_passes(
    kind: str, error: type[MarketDataError]
) -> None:
    since_ms, until_ms = T0 - 20 * TF.ms, T0 - TF.ms
    async with simulated(*[1.0] * (kind == "timeout")) as sim:
        await sim.set("faults", kinds=[kind], rate=1.0)
        with pytest.raises(error):
            await sim.feed.candles("BTCUSDT", since_ms, until_ms)

        await sim.set("faults", rate=0.0)
        await sim.feed.wait_until_up()
        candles = await sim.feed.candles("BTCUSDT", since_ms, until_ms)
        assert len(candles) == 20
        assert sim.feed.state is BreakerState.CLOSED


async def test_a_missing_candle_is_absent_from_a_sound_reply() -> None:
    since_ms, until_ms = T0 - 20 * TF.ms, T0 - TF.ms
    async with simulated() as sim:
        await sim.set("faults", kinds=["missing"], rate=1.0)
        candles = await sim.feed.candles("BTCUSDT", since_ms, until_ms)

        opens = {candle.open_ms for candle in sim.truth("BTCUSDT", since_ms, until_ms)}
        assert {candle.open_ms for candle in candles} < opens


async def test_an_empty_reply_is_no_candles_or_no_answer() -> None:
    async with simulated() as sim:
        await sim.set("faults", kinds=["empty"], rate=1.0)
        for _ in range(10):
            try:
                assert await sim.feed.candles("BTCUSDT", T0 - TF.ms, T0 - TF.ms) == []
            except ExchangeUnavailable:
                continue


async def test_an_outage_is_one_event_down_and_one_up() -> None:
    since_ms, until_ms = T0 - 20 * TF.ms, T0 - TF.ms
    async with simulated() as sim:
        with capture_logs() as events:
            await sim.set("outage", seconds=1e9)
            while sim.feed.state is BreakerState.CLOSED:
                asked = (sim.feed.candles(coin, since_ms, until_ms) for coin in COINS)
                got = await asyncio.gather(*asked, return_exceptions=True)
                assert {type(answer) for answer in got} == {ExchangeUnavailable}
            assert sim.feed.down_since_ms is not None
            await sim.set("outage", seconds=0)
            await sim.feed.wait_until_up()
            assert len(await sim.feed.candles("BTCUSDT", since_ms, until_ms)) == 20

    assert [event["event"] for event in events] == ["exchange.down", "exchange.up"]
    assert events[0]["exchange"] == "binance"
    assert events[1]["down_s"] >= 2.0
    assert sim.feed.down_since_ms is None


async def test_with_every_fault_at_once_the_truth_gets_through() -> None:
    since_ms, until_ms = T0 - 50 * TF.ms, T0 - TF.ms
    async with simulated(timeout_s=1.0) as sim:
        await sim.set("faults", rate=0.05)
        truth = sim.truth("ETHUSDT", since_ms, until_ms)
        async with asyncio.timeout(120):
            while True:
                await sim.feed.wait_until_up()
                try:
                    candles = await sim.feed.candles("ETHUSDT", since_ms, until_ms)
                except MarketDataError:
                    continue
                assert {candle.open_ms for candle in candles} <= {c.open_ms for c in truth}
                if len(candles) == len(truth):
                    break
    assert [x for c in candles for x in c] == pytest.approx([x for c in truth for x in c])
