"""Candles and prices of the simulated exchange, spot and contracts, with every fault it has."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from itertools import starmap

import pytest
from structlog.testing import capture_logs

from crypto_bot.adapters.exchange.prices import CcxtPrices
from crypto_bot.domain.candle import Candle
from crypto_bot.domain.errors import BadCandles, ExchangeUnavailable, MarketDataError, RateLimited
from crypto_bot.domain.quote import Instrument
from simulated_exchange.perpetual import FUNDING_MS, funding_rate
from tests.adapters.exchange.on_sim import COINS, T0, TF, TYPES, Sim, simulated

SPAN = T0 - 20 * TF.ms, T0 - TF.ms


def truth(sim: Sim, coin: str, since_ms: int, until_ms: int) -> list[Candle]:
    return list(starmap(Candle, sim.tape.market.candles(coin, since_ms, until_ms)))


def near(sim: Sim, coin: str, price: Decimal) -> bool:
    """Whether `price` could be the current one, give or take the moves of a moment."""
    true = sim.tape.price(coin, sim.clock.now_ms())
    assert true is not None
    return abs(float(price) / true - 1) < 0.05


@asynccontextmanager
async def priced(
    market_type: str, timeout_s: float = 30.0
) -> AsyncIterator[tuple[Sim, CcxtPrices]]:
    async with simulated(timeout_s=timeout_s, market_type=market_type, max_attempts=2) as sim:
        yield sim, CcxtPrices(sim.feed.line)


@TYPES
async def test_quotes_and_books_are_of_this_moment_and_count_in_steps(market_type: str) -> None:
    async with priced(market_type) as (sim, prices):
        before_ms = sim.clock.now_ms()
        quotes = await prices.quotes()
        steps = prices.instruments()
        assert list(quotes) == list(steps) == list(COINS)
        for coin, quote in quotes.items():
            price_decimals, lot_decimals = sim.tape.market.listing(coin)
            tick, lot = Decimal(10) ** -price_decimals, Decimal(10) ** -lot_decimals
            assert steps[coin] == Instrument(coin, tick, lot, lot, Decimal(5))
            assert before_ms <= quote.at_ms <= sim.clock.now_ms()
            assert near(sim, coin, quote.bid)
            assert quote.bid < quote.ask
            assert quote.bid % steps[coin].tick == quote.ask % steps[coin].tick == 0
        before_ms = sim.clock.now_ms()
        book = await prices.book("VETUSDT")
        assert before_ms <= book.at_ms <= sim.clock.now_ms()
        assert len(book.bids) > 5
        assert len(book.asks) > 5
        assert all(level.amount % steps["VETUSDT"].lot == 0 for level in book.bids + book.asks)


async def test_funding_is_what_the_exchange_took() -> None:
    async with priced("swap") as (sim, prices):
        found = await prices.funding("BTCUSDT", T0 - 250 * FUNDING_MS, T0)
        assert [each.due_ms for each in found] == list(
            range(T0 - 250 * FUNDING_MS, T0 + 1, FUNDING_MS)
        )
        for each in found[-20:]:
            true = funding_rate(sim.tape, "BTCUSDT", each.due_ms, each.due_ms)
            assert each.rate == Decimal(f"{true:.8f}")


@TYPES
async def test_all_coins_at_once_over_several_pages(market_type: str) -> None:
    since_ms, until_ms = T0 - 2_300 * TF.ms, T0 - TF.ms
    async with simulated(market_type=market_type) as sim:
        got = await asyncio.gather(*(sim.feed.candles(coin, since_ms, until_ms) for coin in COINS))

        for coin, candles in zip(COINS, got, strict=True):
            true = truth(sim, coin, since_ms, until_ms)
            assert [candle.open_ms for candle in candles] == [candle.open_ms for candle in true]
            assert [x for c in candles for x in c] == pytest.approx([x for c in true for x in c])


@TYPES
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
        ("empty", MarketDataError),
    ],
)
async def test_every_fault_has_its_error_and_passes(
    market_type: str, kind: str, error: type[MarketDataError]
) -> None:
    async with priced(market_type, timeout_s=1.0 if kind == "timeout" else 30.0) as (sim, prices):
        await sim.set("faults", kinds=[kind], rate=1.0)
        for asked in (prices.quotes, lambda: prices.book("ETHUSDT")):
            with pytest.raises(error):
                await asked()
        try:
            candles = await sim.feed.candles("BTCUSDT", *SPAN)
        except error:
            candles = []
        assert candles == [], "an empty reply may be a list"
        await sim.set("faults", rate=0.0)
        await sim.feed.wait_until_up()
        assert len(await sim.feed.candles("BTCUSDT", *SPAN)) == 20
        assert list(await prices.quotes()) == list(COINS)
        assert (await prices.book("ETHUSDT")).symbol == "ETHUSDT"
        assert sim.feed.down_since_ms is None


@TYPES
@pytest.mark.parametrize("kind", ["duplicated", "disordered", "missing", "nan"])
async def test_a_spoilt_row_costs_one_coin_at_most(market_type: str, kind: str) -> None:
    async with priced(market_type) as (sim, prices):
        await sim.set("faults", kinds=[kind], rate=1.0)
        for _ in range(10):
            quotes = await prices.quotes()
            assert len(quotes) == (2 if kind in {"missing", "nan"} else 3)
            assert all(near(sim, coin, quote.bid) for coin, quote in quotes.items())
        if kind == "missing":
            candles = {candle.open_ms for candle in await sim.feed.candles("BTCUSDT", *SPAN)}
            assert candles < {candle.open_ms for candle in truth(sim, "BTCUSDT", *SPAN)}
        else:
            with pytest.raises(BadCandles):
                await sim.feed.candles("BTCUSDT", *SPAN)


async def test_an_outage_is_one_event_down_and_one_up() -> None:
    async with simulated() as sim:
        with capture_logs() as events:
            await sim.set("outage", seconds=1e9)
            while sim.feed.down_since_ms is None:
                asked = (sim.feed.candles(coin, *SPAN) for coin in COINS)
                got = await asyncio.gather(*asked, return_exceptions=True)
                assert {type(answer) for answer in got} == {ExchangeUnavailable}
            await sim.set("outage", seconds=0)
            await sim.feed.wait_until_up()
            assert len(await sim.feed.candles("BTCUSDT", *SPAN)) == 20

    assert [event["event"] for event in events] == ["exchange.down", "exchange.up"]
    assert events[0]["exchange"] == "binance"
    assert events[1]["down_s"] >= 2.0
    assert sim.feed.down_since_ms is None


@TYPES
async def test_with_every_fault_at_once_no_false_price_gets_through(market_type: str) -> None:
    async with priced(market_type, timeout_s=1.0) as (sim, prices):
        await sim.set("faults", rate=0.05)
        got = 0
        for _ in range(30):
            await sim.feed.wait_until_up()
            try:
                quotes = await prices.quotes()
                book = await prices.book("BTCUSDT")
            except MarketDataError:
                continue
            got += 1
            assert all(near(sim, coin, quote.ask) for coin, quote in quotes.items())
            assert near(sim, "BTCUSDT", book.bids[0].price)
        assert got >= 15


async def test_with_every_fault_at_once_the_true_candles_get_through() -> None:
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
