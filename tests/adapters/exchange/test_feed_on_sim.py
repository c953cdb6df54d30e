"""The feed against the simulated exchange: every fault, an outage, and all coins at once."""

from __future__ import annotations

import asyncio
from itertools import starmap

import pytest
from structlog.testing import capture_logs

from crypto_bot.adapters.exchange.breaker import BreakerState
from crypto_bot.domain.candle import Candle
from crypto_bot.domain.errors import BadCandles, ExchangeUnavailable, MarketDataError, RateLimited
from tests.adapters.exchange.on_sim import COINS, T0, TF, Sim, simulated


def truth(sim: Sim, coin: str, since_ms: int, until_ms: int) -> list[Candle]:
    return list(starmap(Candle, sim.tape.market.candles(coin, since_ms, until_ms)))


async def test_all_coins_at_once_over_several_pages() -> None:
    since_ms, until_ms = T0 - 2_300 * TF.ms, T0 - TF.ms
    async with simulated() as sim:
        got = await asyncio.gather(*(sim.feed.candles(coin, since_ms, until_ms) for coin in COINS))

        for coin, candles in zip(COINS, got, strict=True):
            true = truth(sim, coin, since_ms, until_ms)
            assert [candle.open_ms for candle in candles] == [candle.open_ms for candle in true]
            assert [x for c in candles for x in c] == pytest.approx([x for c in true for x in c])


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
    async with simulated(timeout_s=1.0 if kind == "timeout" else 30.0, max_attempts=2) as sim:
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

        opens = {candle.open_ms for candle in truth(sim, "BTCUSDT", since_ms, until_ms)}
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
        true = truth(sim, "ETHUSDT", since_ms, until_ms)
        async with asyncio.timeout(120):
            while True:
                await sim.feed.wait_until_up()
                try:
                    candles = await sim.feed.candles("ETHUSDT", since_ms, until_ms)
                except MarketDataError:
                    continue
                assert {candle.open_ms for candle in candles} <= {c.open_ms for c in true}
                if len(candles) == len(true):
                    break
    assert [x for c in candles for x in c] == pytest.approx([x for c in true for x in c])
