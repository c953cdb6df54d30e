"""A feed on a simulated exchange in the test's own event loop."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

import aiohttp
import pytest

from crypto_bot.adapters.clock import AcceleratedClock, SystemClock
from crypto_bot.adapters.exchange.feed import CcxtFeed
from crypto_bot.adapters.exchange.line import Line
from crypto_bot.domain.timeframe import Timeframe
from simulated_exchange.clock import ScaledClock
from simulated_exchange.config import SimConfig
from simulated_exchange.generated import GeneratedMarket
from simulated_exchange.server import serving
from simulated_exchange.tape import Tape

TF = Timeframe.parse("15m")
T0 = 1_764_547_200_000
COINS = ("BTCUSDT", "ETHUSDT", "VETUSDT")
TYPES = pytest.mark.parametrize("market_type", ["spot", "swap"])


class Sim(NamedTuple):
    """A running exchange, its market, and a feed that is open on it."""

    url: str
    tape: Tape
    feed: CcxtFeed
    clock: AcceleratedClock

    async def set(self, control: str, **fields: Any) -> None:
        await set_on(self.url, control, **fields)


async def set_on(url: str, control: str, **fields: Any) -> None:
    """Sets a control of the simulated exchange at `url`."""
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{url}/sim/{control}", json=fields) as reply,
    ):
        assert reply.status == 200, await reply.text()


@asynccontextmanager
async def simulated(
    *, speed: float = 2_000.0, timeout_s: float = 30.0, **options: Any
) -> AsyncIterator[Sim]:
    """`options` are those of the line. Faults that hold a reply back need a short `timeout_s`."""
    numbers = ScaledClock(T0, SystemClock().now_ms(), speed)
    clock = AcceleratedClock(*numbers)
    config = SimConfig(COINS, start_ms=T0, speed=speed, fault_seed=5)
    market = GeneratedMarket(COINS, TF.ms, config.seed)
    async with serving(config, market, clock, numbers) as url:
        feed = CcxtFeed(Line("binance", clock, url=url, timeout_s=timeout_s, **options), TF)
        try:
            await feed.open(COINS)
            yield Sim(url, Tape(market), feed, clock)
        finally:
            await feed.close()
