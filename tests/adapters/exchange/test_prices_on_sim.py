"""Prices of the simulated exchange, spot and contracts, with every fault that it knows."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any, NamedTuple

import aiohttp
import pytest

from crypto_bot.adapters.clock import AcceleratedClock, SystemClock
from crypto_bot.adapters.exchange.breaker import BreakerState
from crypto_bot.adapters.exchange.feed import CcxtFeed
from crypto_bot.adapters.exchange.prices import CcxtPrices
from crypto_bot.domain.errors import ExchangeUnavailable, MarketDataError, RateLimited
from crypto_bot.domain.quote import Instrument
from crypto_bot.domain.timeframe import Timeframe
from simulated_exchange.clock import ScaledClock
from simulated_exchange.config import SimConfig
from simulated_exchange.generated import GeneratedMarket
from simulated_exchange.perpetual import FUNDING_MS, funding_rate
from simulated_exchange.server import serving
from simulated_exchange.tape import Tape

TF = Timeframe.parse("15m")
T0 = 1_764_547_200_000
COINS = ("BTCUSDT", "ETHUSDT", "VETUSDT")
SPEED = 2_000.0
TYPES = pytest.mark.parametrize("market_type", ["spot", "swap"])


class Sim(NamedTuple):
    url: str
    tape: Tape
    feed: CcxtFeed
    prices: CcxtPrices
    clock: AcceleratedClock

    async def set(self, control: str, **fields: Any) -> None:
        async with (
            aiohttp.ClientSession() as session,
            session.post(f"{self.url}/sim/{control}", json=fields) as reply,
        ):
            assert reply.status == 200, await reply.text()

    def near(self, coin: str, price: Decimal) -> bool:
        """Whether `price` could have been of now, give or take what a moment moves."""
        true = self.tape.price(coin, self.clock.now_ms())
        assert true is not None
        return abs(float(price) / true - 1) < 0.05


@asynccontextmanager
async def simulated(market_type: str, timeout_s: float = 30.0) -> AsyncIterator[Sim]:
    numbers = ScaledClock(T0, SystemClock().now_ms(), SPEED)
    clock = AcceleratedClock(*numbers)
    config = SimConfig(COINS, start_ms=T0, speed=SPEED, fault_seed=5)
    market = GeneratedMarket(COINS, TF.ms, config.seed)
    async with serving(config, market, clock, numbers) as url:
        feed = CcxtFeed(
            "binance",
            TF,
            clock,
            url=url,
            timeout_s=timeout_s,
            market_type=market_type,
            max_attempts=2,
        )
        try:
            await feed.open(COINS)
            yield Sim(url, Tape(market), feed, CcxtPrices(feed.line), clock)
        finally:
            await feed.close()


@TYPES
async def test_quotes_and_books_are_of_this_moment_and_count_in_steps(market_type: str) -> None:
    async with simulated(market_type) as sim:
        before_ms = sim.clock.now_ms()
        quotes = await sim.prices.quotes()
        steps = sim.prices.instruments()
        assert list(quotes) == list(COINS)
        for coin, quote in quotes.items():
            assert before_ms <= quote.at_ms <= sim.clock.now_ms()
            assert sim.near(coin, quote.bid)
            assert quote.bid < quote.ask
            assert quote.bid % steps[coin].tick == quote.ask % steps[coin].tick == 0
        before_ms = sim.clock.now_ms()
        book = await sim.prices.book("VETUSDT")
        assert before_ms <= book.at_ms <= sim.clock.now_ms()
        assert len(book.bids) > 5
        assert len(book.asks) > 5
        assert all(level.amount % steps["VETUSDT"].lot == 0 for level in book.bids + book.asks)


@TYPES
async def test_steps_are_those_of_the_listing(market_type: str) -> None:
    async with simulated(market_type) as sim:
        steps = sim.prices.instruments()
        assert list(steps) == list(COINS)
        for coin, each in steps.items():
            price_decimals, lot_decimals = sim.tape.market.listing(coin)
            lot = Decimal(10) ** -lot_decimals
            assert each == Instrument(coin, Decimal(10) ** -price_decimals, lot, lot, Decimal(5))


async def test_funding_is_what_the_exchange_took() -> None:
    async with simulated("swap") as sim:
        found = await sim.prices.funding("BTCUSDT", T0 - 250 * FUNDING_MS, T0)
        assert [each.due_ms for each in found] == list(
            range(T0 - 250 * FUNDING_MS, T0 + 1, FUNDING_MS)
        )
        for each in found[-20:]:
            true = funding_rate(sim.tape, "BTCUSDT", each.due_ms, each.due_ms)
            assert each.rate == Decimal(f"{true:.8f}")


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
    async with simulated(market_type, *[1.0] * (kind == "timeout")) as sim:
        await sim.set("faults", kinds=[kind], rate=1.0)
        for asked in (sim.prices.quotes, lambda: sim.prices.book("ETHUSDT")):
            with pytest.raises(error):
                await asked()
        await sim.set("faults", rate=0.0)
        await sim.feed.wait_until_up()
        assert list(await sim.prices.quotes()) == list(COINS)
        assert (await sim.prices.book("ETHUSDT")).symbol == "ETHUSDT"
        assert sim.feed.state is BreakerState.CLOSED


@TYPES
@pytest.mark.parametrize("kind", ["duplicated", "disordered", "missing", "nan"])
async def test_a_spoilt_row_costs_one_coin_at_most(market_type: str, kind: str) -> None:
    async with simulated(market_type) as sim:
        await sim.set("faults", kinds=[kind], rate=1.0)
        for _ in range(10):
            quotes = await sim.prices.quotes()
            assert len(quotes) == (2 if kind in {"missing", "nan"} else 3)
            assert all(sim.near(coin, quote.bid) for coin, quote in quotes.items())


@TYPES
async def test_with_every_fault_at_once_no_false_price_gets_through(market_type: str) -> None:
    async with simulated(market_type, timeout_s=1.0) as sim:
        await sim.set("faults", rate=0.05)
        got = 0
        for _ in range(30):
            await sim.feed.wait_until_up()
            try:
                quotes = await sim.prices.quotes()
                book = await sim.prices.book("BTCUSDT")
            except MarketDataError:
                continue
            got += 1
            assert all(sim.near(coin, quote.ask) for coin, quote in quotes.items())
            assert sim.near("BTCUSDT", book.bids[0].price)
        assert got >= 15
