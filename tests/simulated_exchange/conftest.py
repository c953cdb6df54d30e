"""A simulated exchange in the test's own event loop, with a clock that the test sets."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import ccxt.async_support as ccxt
import pytest

from simulated_exchange.clock import ScaledClock
from simulated_exchange.config import SimConfig
from simulated_exchange.generated import GeneratedMarket
from simulated_exchange.intervals import INTERVALS
from simulated_exchange.server import serving
from tests.adapters.exchange.conftest import HandClock

Connect = Callable[..., AbstractAsyncContextManager[Any]]
NOW_MS = 1_764_547_200_000 + 400_000
"""2025-12-01T00:06:40Z, inside a 15-minute candle."""


@pytest.fixture
def clock() -> HandClock:
    return HandClock(NOW_MS)


@pytest.fixture
def market() -> GeneratedMarket:
    return GeneratedMarket(("BTCUSDT", "ETHUSDT", "VETUSDT"), INTERVALS["15m"], seed=7)


def real_client(url: str, *, linear: bool) -> Any:
    """The real client of spot or of linear contracts, pointed at `url`."""
    types, default = ("linear", "swap") if linear else ("spot", "spot")
    client = ccxt.binance(
        {
            "enableRateLimit": False,
            "options": {"fetchMarkets": {"types": [types]}, "defaultType": default},
        }
    )
    client.has["fetchCurrencies"] = False
    client.urls["api"] |= {"public": f"{url}/api/v3", "fapiPublic": f"{url}/fapi/v1"}
    return client


@pytest.fixture
def connect(clock: HandClock, market: GeneratedMarket) -> Connect:
    """`async with connect(fault_rate=..., linear=...) as client`."""

    @asynccontextmanager
    async def connected(fault_rate: float = 0.0, *, linear: bool = False) -> AsyncIterator[Any]:
        config = SimConfig(symbols=market.symbols, fault_rate=fault_rate)
        numbers = ScaledClock(clock.at_ms, 0, 1.0)
        async with serving(config, market, clock, numbers) as url:
            client = real_client(url, linear=linear)
            client.sim_url = f"{url}/sim"
            try:
                yield client
            finally:
                await client.close()

    return connected
