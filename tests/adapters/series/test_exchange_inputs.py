"""What exchanges publish of perpetual contracts and options, read from the simulated one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from itertools import pairwise
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from crypto_bot.adapters.clock import SystemClock
from crypto_bot.adapters.series import binance_futures
from crypto_bot.adapters.series.cache import SOON_MS
from crypto_bot.adapters.series.inputs import Inputs, Source, Waiting
from crypto_bot.adapters.series.registered import FETCHED, INPUTS
from crypto_bot.domain.instant import DAY_MS, HOUR_MS
from simulated_exchange.clock import ScaledClock
from simulated_exchange.config import SimConfig
from simulated_exchange.deribit import implied_volatility
from simulated_exchange.generated import GeneratedMarket
from simulated_exchange.perpetual import FUNDING_MS, funding_rate, premium
from simulated_exchange.server import serving
from simulated_exchange.tape import Tape

NAMES = ("funding", "premium_1h", "btc_implied_volatility")
SYMBOLS = ("SOLUSDT",)
T0 = 1_619_827_200_000 + 10 * HOUR_MS + 5
"""2021-05-01 10:00: more hours after the index began than a reply holds."""
FREE = ("binance_futures", "deribit")


class Exchange:
    """The simulated exchange, and inputs that read it; both have the time `at_ms`."""

    def __init__(self, folder: Path) -> None:
        self.at_ms = T0
        self.url = ""
        self.folder = folder
        market = GeneratedMarket(SYMBOLS, HOUR_MS, 7)
        self.market, self.tape = market, Tape(market)

    def now_ms(self) -> int:
        return self.at_ms

    def seconds(self) -> float:
        return SystemClock().seconds()

    def real_seconds(self, duration_ms: int) -> float:
        return duration_ms / 1000.0

    async def sleep(self, duration_ms: int) -> None:
        self.at_ms += duration_ms

    def restarted(self) -> None:
        """Inputs as after a start of the program, which waits for their first round."""
        waiting = Waiting(20.0, self, lambda _: False)
        sources = [Source(INPUTS.get(name), self.url, "") for name in FREE]
        self.inputs = Inputs(self.folder, sources, waiting)
        self.inputs.history_ms = self.at_ms

    async def refresh(self) -> list[str]:
        """The events of a round."""
        with capture_logs() as lines:
            await asyncio.to_thread(self.inputs.refresh, SYMBOLS, NAMES)
        self.inputs.history_ms = 0
        return [line["event"] for line in lines]

    def read(self, name: str, symbol: str = "SOLUSDT") -> list[tuple[int, float]]:
        return list(FETCHED.get(name)(self.folder).read(symbol, 0, 2**62))


@pytest.fixture
async def exchange(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Exchange]:
    monkeypatch.setattr(binance_futures, "_FIRST_MS", T0 - 100 * DAY_MS)
    made = Exchange(tmp_path)
    config = SimConfig(SYMBOLS, timeframe="1h")
    async with serving(config, made.market, made, ScaledClock(T0, T0, 1.0)) as made.url:
        made.restarted()
        yield made


async def test_whole_histories_are_read_and_known_soon_after_each_hour(exchange: Exchange) -> None:
    assert await exchange.refresh() == ["input.fetched"] * 2
    rates, premiums, index = map(exchange.read, NAMES)
    dues = [known_ms - SOON_MS for known_ms, _ in rates]
    assert {due_ms % FUNDING_MS for due_ms in dues} == {0}
    assert all(after - before == FUNDING_MS for before, after in pairwise(dues))
    assert len(rates) == 300
    assert rates[-1][1] == pytest.approx(
        funding_rate(exchange.tape, "SOLUSDT", dues[-1], dues[-1]), abs=1e-8
    )
    assert len(premiums) == 2_399
    assert len(index) > 1_400
    hours = exchange.at_ms // HOUR_MS * HOUR_MS
    for found, newest in (
        (premiums, premium("SOLUSDT", hours - 1)),
        (index, implied_volatility("BTC", hours)),
    ):
        ends = [known_ms - SOON_MS for known_ms, _ in found]
        assert all(after - before == HOUR_MS for before, after in pairwise(ends))
        assert ends[-1] == hours
        assert found[-1][1] == pytest.approx(newest, abs=1e-5)
    assert index == exchange.read(NAMES[2], "BTCUSDT"), "of the whole market"


async def test_what_came_late_is_known_since_it_came(exchange: Exchange) -> None:
    await exchange.refresh()
    before = {name: exchange.read(name) for name in NAMES}
    exchange.at_ms += HOUR_MS + 3 * SOON_MS  # twenty minutes after the hour's figure was due
    assert await exchange.refresh() == []
    assert exchange.read(NAMES[1]) == [*before[NAMES[1]], (exchange.at_ms, pytest.approx(0, abs=1))]
    exchange.at_ms += 2 * DAY_MS
    exchange.restarted()  # the engine was off, and waits: what is of that time is history
    await exchange.refresh()
    known = [known_ms for known_ms, _ in exchange.read(NAMES[1])]
    assert known[-1] == exchange.at_ms // HOUR_MS * HOUR_MS + SOON_MS
    assert [after - before for before, after in pairwise(known[-47:])] == [HOUR_MS] * 46
    assert all(exchange.read(name)[: len(before[name])] == before[name] for name in NAMES)
    exchange.at_ms += 2 * DAY_MS  # it ran on, and the provider was away
    await exchange.refresh()
    assert {known_ms for known_ms, _ in exchange.read(NAMES[1])[-48:]} == {exchange.at_ms}
