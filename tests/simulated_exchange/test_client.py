"""The real ccxt client against the simulated exchange."""

from __future__ import annotations

from typing import Any

import ccxt.async_support as ccxt
import httpx
import pytest

from simulated_exchange.faults import FaultKind
from simulated_exchange.generated import GeneratedMarket

M15_MS = 900_000


async def test_it_loads_the_markets_and_reads_the_time(connect: Any, clock: Any) -> None:
    async with connect() as client:
        await client.load_markets()
        assert set(client.markets) == {"BTC/USDT", "ETH/USDT", "VET/USDT"}
        assert client.market("VET/USDT")["precision"]["price"] == 1e-5
        assert client.market("BTC/USDT")["limits"]["cost"]["min"] == 5.0
        assert client.market("BTC/USDT")["active"]
        assert await client.fetch_time() == clock.at_ms
        assert await client.public_get_ping() == {}


async def test_pages_of_candles_join_to_what_the_market_says(
    connect: Any, clock: Any, market: GeneratedMarket
) -> None:
    since_ms = clock.at_ms // M15_MS * M15_MS - 2500 * M15_MS
    got: list[list[float]] = []
    async with connect() as client:
        at_ms = since_ms
        while True:
            page = await client.fetch_ohlcv("BTC/USDT", "15m", at_ms, 1000)
            got += page
            if len(page) < 1000:
                break
            at_ms = page[-1][0] + 1
    closed = market.candles("BTCUSDT", since_ms, clock.at_ms - M15_MS)
    assert [tuple(row) for row in got[:-1]] == closed
    assert got[-1][0] == clock.at_ms // M15_MS * M15_MS


async def test_the_open_candle_is_last_and_moves_and_closed_ones_never_change(
    connect: Any, clock: Any, market: GeneratedMarket
) -> None:
    seen: dict[int, list[tuple[int, list[float]]]] = {}
    async with connect() as client:
        start_ms = clock.at_ms
        for step in range(60):
            clock.at_ms = start_ms + step * 60_000
            rows = await client.fetch_ohlcv("VET/USDT", "15m", None, 6)
            assert rows[-1][0] == clock.at_ms // M15_MS * M15_MS
            for row in rows:
                seen.setdefault(row[0], []).append((clock.at_ms, row))
    for open_ms, sightings in seen.items():
        closed = [tuple(row) for at_ms, row in sightings if at_ms >= open_ms + M15_MS]
        assert len(set(closed)) <= 1
        if closed:
            assert [closed[0]] == market.candles("VETUSDT", open_ms, open_ms)
        while_open = {tuple(row) for at_ms, row in sightings if at_ms < open_ms + M15_MS}
        if len(while_open) > 10:
            assert len(while_open) == 15  # one a minute


async def test_a_fault_reaches_the_client_and_is_counted(connect: Any) -> None:
    async with connect() as client, httpx.AsyncClient() as control:
        await client.load_markets()
        await control.post(f"{client.sim_url}/faults", json={"rate": 1.0, "kinds": ["banned"]})
        for _ in range(2):
            with pytest.raises(ccxt.DDoSProtection):
                await client.fetch_ohlcv("BTC/USDT", "15m", None, 3)
            assert int(client.last_response_headers["Retry-After"]) >= 60
        reply = (await control.get(f"{client.sim_url}/faults")).json()
        assert reply["injected"] == {"banned": 2}
        await control.post(f"{client.sim_url}/faults", json={"rate": 0.0})
        assert len(await client.fetch_ohlcv("BTC/USDT", "15m", None, 3)) == 3


async def test_an_outage_lasts_the_simulated_seconds_it_was_given(connect: Any, clock: Any) -> None:
    async with connect() as client, httpx.AsyncClient() as control:
        await client.load_markets()
        await control.post(f"{client.sim_url}/outage", json={"seconds": 90})
        failed = []
        for _ in range(12):
            with pytest.raises(ccxt.BaseError) as caught:
                await client.fetch_time()
            failed.append(type(caught.value))
        assert ccxt.ExchangeNotAvailable in failed
        assert len(set(failed)) > 1  # torn connections too
        clock.at_ms += 90_000
        assert await client.fetch_time() == clock.at_ms


async def test_the_controls_show_the_clock_and_refuse_nonsense(connect: Any, clock: Any) -> None:
    async with connect(fault_rate=0.25) as client, httpx.AsyncClient() as control:
        reply = (await control.get(f"{client.sim_url}/clock")).json()
        assert reply == {"origin_ms": clock.at_ms, "anchor_ms": 0, "speed": 1.0}
        rates = (await control.get(f"{client.sim_url}/faults")).json()["rates"]
        assert rates == dict.fromkeys(FaultKind, 0.25)
        for path, body in [
            ("faults", {"rate": 2.0}),
            ("faults", {"rate": 0.1, "kinds": ["flood"]}),
            ("faults", {}),
            ("faults", []),
            ("outage", {"seconds": "long"}),
            ("outage", {"seconds": -1}),
        ]:
            reply = await control.post(f"{client.sim_url}/{path}", json=body)
            assert reply.status_code == 400
            assert path in reply.json()["detail"]
        assert (await control.get(f"{client.sim_url}/nothing")).status_code == 404
        assert (await control.post(f"{client.urls['api']['public']}/time")).status_code == 404
        assert (await control.get(f"{client.urls['api']['public']}/order")).status_code == 404
