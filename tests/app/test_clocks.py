"""An exchange's clock that lies, a machine's that is wrong: no candle is taken before its close."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import NamedTuple

import pytest
from structlog.testing import capture_logs

from crypto_bot.adapters.clock import SystemClock
from crypto_bot.app.market import Market, open_market
from crypto_bot.app.rounds import AFTER_CLOSE_MS
from crypto_bot.app.schedule import CandleCloseTrigger
from crypto_bot.app.settings import load
from crypto_bot.domain.clock_trust import ClockTrust, Evidence, Reading
from crypto_bot.domain.timeframe import Timeframe
from simulated_exchange.clock import ScaledClock
from simulated_exchange.config import SimConfig
from simulated_exchange.generated import GeneratedMarket
from simulated_exchange.server import serving
from tests.adapters.exchange.conftest import HandClock
from tests.adapters.exchange.on_sim import set_on

COINS = ("BTCUSDT", "ETHUSDT")
S, MIN = 1_000, 60_000
CLOSE_MS = 1_764_547_200_000
OFFSETS_MS = [45 * S, -45 * S, 3 * MIN, -3 * MIN, 10 * MIN, -30 * MIN]
M15 = Timeframe.parse("15m")


class MachineClock(SystemClock):
    """A machine's clock that is off by `error_ms`, and waits no time."""

    def __init__(self, true: HandClock, error_ms: int) -> None:
        super().__init__()
        self._true, self._moved_ms = true, error_ms

    def now_ms(self) -> int:
        return self._true.at_ms + self._moved_ms

    def correct(self, offset_ms: int) -> None:
        self._moved_ms += offset_ms

    def real_seconds(self, duration_ms: int) -> float:
        return self._true.real_seconds(duration_ms)

    async def sleep(self, duration_ms: int) -> None:
        await asyncio.sleep(0)


class World(NamedTuple):
    true: HandClock
    market: Market
    url: str

    async def lies(self, **quirks: object) -> None:
        await set_on(self.url, "quirks", **quirks)

    async def newest_close_ms(self, until_ms: int = CLOSE_MS + M15.ms * 12) -> int:
        """Of the candles that are taken now, up to the one that opens at `until_ms`."""
        since_ms = CLOSE_MS - 12 * M15.ms
        found = await self.market.feed.candles("BTCUSDT", since_ms, until_ms)
        return M15.close_of(found[-1].open_ms)


@asynccontextmanager
async def world(
    monkeypatch: pytest.MonkeyPatch, *, machine_error_ms: int = 0
) -> AsyncIterator[World]:
    """An exchange of 15-minute candles, seven minutes before a close."""
    true = HandClock(CLOSE_MS - 7 * MIN)
    machine = MachineClock(true, machine_error_ms)
    monkeypatch.setattr("crypto_bot.app.market.SystemClock", lambda: machine)
    made = GeneratedMarket(COINS, M15.ms, 7)
    numbers = ScaledClock(true.at_ms, 0, 1.0)
    async with serving(SimConfig(COINS), made, true, numbers) as url:
        settings = load({"exchange": {"id": "binance", "url": url}})
        market = open_market(settings, COINS, None)
        try:
            await market.feed.open(COINS)
            yield World(true, market, url)
        finally:
            await market.close()


async def around_the_close(world: World) -> int:
    """How long after its close, in ms, the candle is taken; fails where that is before it."""
    for after_ms in range(-6 * MIN, 12 * MIN, 15 * S):
        world.true.at_ms = CLOSE_MS + after_ms
        closed_ms = await world.newest_close_ms()
        assert closed_ms <= world.true.at_ms, f"taken {closed_ms - world.true.at_ms} ms too early"
        if closed_ms == CLOSE_MS:
            return after_ms
    pytest.fail("the candle was never taken")


@pytest.mark.parametrize("is_running", [False, True], ids=["at start", "while running"])
@pytest.mark.parametrize(
    ("quirks", "is_trusted"),
    [
        ({}, True),
        *(({"time_offset_ms": offset_ms}, False) for offset_ms in OFFSETS_MS),
        ({"time_factor": 0.001}, False),
        ({"time_factor": 1000}, False),
    ],
    ids=str,
)
async def test_a_lie_of_the_exchange_makes_no_candle_early_or_late(
    monkeypatch: pytest.MonkeyPatch, quirks: dict[str, float], *, is_trusted: bool, is_running: bool
) -> None:
    async with world(monkeypatch) as now:
        if is_running:
            await now.market.correct_clock()
        await now.lies(**quirks)
        with capture_logs() as events:
            for _ in range(3):
                await now.market.correct_clock()
            late_ms = await around_the_close(now)
            await now.lies()
            await now.market.correct_clock()
        expected = [] if is_trusted else ["clock.doubted", "clock.trusted"]
        assert [event["event"] for event in events] == expected
        assert late_ms == 0
        assert abs(now.market.clock.now_ms() - now.true.at_ms) <= S
        assert now.market.trust.problem is None


@pytest.mark.parametrize("offset_ms", [12 * S, -12 * S, 29 * S])
async def test_what_is_within_the_bound_is_followed_and_makes_no_candle_early(
    monkeypatch: pytest.MonkeyPatch, offset_ms: int
) -> None:
    async with world(monkeypatch) as now:
        await now.lies(time_offset_ms=offset_ms)
        await now.market.correct_clock()
        assert abs(now.market.clock.now_ms() - now.true.at_ms - offset_ms) <= S
        assert now.market.trust.problem is None
        assert await around_the_close(now) <= 15 * S


@pytest.mark.parametrize("error_ms", OFFSETS_MS)
async def test_a_wrong_clock_of_the_machine_makes_no_candle_early(
    monkeypatch: pytest.MonkeyPatch, error_ms: int
) -> None:
    async with world(monkeypatch, machine_error_ms=error_ms) as now:
        with capture_logs() as events:
            await now.market.correct_clock()
            late_ms = await around_the_close(now)
        assert [event["event"] for event in events] == ["clock.doubted"]
        assert late_ms <= max(0, -error_ms)
        assert now.market.trust.problem is not None


async def test_where_the_candles_prove_the_machine_wrong_the_exchange_is_followed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for error_ms in (10 * MIN, -30 * MIN):
        async with world(monkeypatch, machine_error_ms=error_ms) as now:
            await now.market.correct_clock()
            assert abs(now.market.clock.now_ms() - now.true.at_ms) <= S, "`late` is right"
            assert "set that clock" in (now.market.trust.problem or "")
            assert await around_the_close(now) == 0


async def test_a_leap_second_makes_no_candle_early_and_is_no_event(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The exchange repeats a second of UTC that the machine's counter goes through once."""
    async with world(monkeypatch) as now:
        await now.market.correct_clock()
        clock = now.market.clock
        assert isinstance(clock, SystemClock)
        clock.correct(S)
        for after_ms in range(-2 * S, 2 * S, 250):
            now.true.at_ms = CLOSE_MS + after_ms
            asked_ms = M15.last_closed(clock.now_ms() - AFTER_CLOSE_MS)  # as a round does
            assert await now.newest_close_ms(asked_ms) <= now.true.at_ms
        with capture_logs() as events:
            await now.market.correct_clock()
        assert events == []
        assert clock.now_ms() == now.true.at_ms


@pytest.fixture
def in_berlin(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with monkeypatch.context() as local:
        local.setenv("TZ", "Europe/Berlin")
        time.tzset()
        yield
    time.tzset()


@pytest.mark.usefixtures("in_berlin")
@pytest.mark.parametrize("change", ["2026-03-29T01:00+00:00", "2025-10-26T01:00+00:00"])
def test_rounds_start_at_each_close_over_a_change_of_the_local_time(change: str) -> None:
    change_ms = int(datetime.fromisoformat(change).timestamp() * 1000)
    clock = HandClock(change_ms - 2 * M15.ms + MIN, speed=1)
    trigger = CandleCloseTrigger(M15, clock, AFTER_CLOSE_MS)
    started = []
    for _ in range(4):
        now = datetime.fromtimestamp(clock.at_ms / 1000, UTC).astimezone()  # in the local zone
        clock.at_ms = int(trigger.get_next_fire_time(None, now).timestamp() * 1000)
        started.append(clock.at_ms - AFTER_CLOSE_MS - change_ms)
    assert started == [-M15.ms, 0, M15.ms, 2 * M15.ms]


def evidence(*offsets_ms: int, at_ms: int = CLOSE_MS + MIN, newest: int = CLOSE_MS) -> Evidence:
    return Evidence(at_ms, [Reading(20, each) for each in offsets_ms], newest)


@pytest.mark.parametrize(
    ("seen", "offset_ms", "doubt_ms", "problem"),
    [
        ([evidence(40, 50, 60)], 40, 40, None),
        ([evidence(-2_000)], -2_000, 0, None),
        ([evidence(0), evidence(20_000)], 0, 0, "jumped: it is 20 s ahead of the machine's"),
        ([evidence(0), evidence(20_000), evidence(20_500)], 20_500, 20_500, None),
        ([evidence(0), evidence(-20_000)], 0, 20_000, "jumped: it is 20 s behind"),
        ([evidence(0, 9_000, 0)], 0, 0, "differ by 9 s"),
        ([evidence(-1_764_547_260_000 * 999 // 1000)], 0, 0, "seems to be in seconds"),
        ([evidence(-25_000, at_ms=CLOSE_MS + S)], 0, 25_000, "which its candles fit"),
        ([evidence(newest=CLOSE_MS + 2 * MIN)], 0, 0, "newest candle opens after now"),
        ([Evidence(CLOSE_MS, [], None)], 0, 0, None),
        # a quiet market, of which the newest candle is long past, proves nothing within the bound
        ([evidence(3_000, newest=CLOSE_MS - 9 * M15.ms)], 3_000, 3_000, None),
    ],
)
def test_what_is_believed(
    seen: list[Evidence], offset_ms: int, doubt_ms: int, problem: str | None
) -> None:
    trust = ClockTrust(M15)
    moved_ms = 0
    for each in seen:
        readings = [Reading(r.trip_ms, r.offset_ms - moved_ms) for r in each.readings]
        moved_ms += trust.weigh(each._replace(readings=readings, now_ms=each.now_ms + moved_ms))
    assert (trust.offset_ms, trust.doubt_ms) == (offset_ms, doubt_ms)
    assert moved_ms == offset_ms
    assert (problem or "") in (trust.problem or "")
    assert (trust.problem is None) is (problem is None)
