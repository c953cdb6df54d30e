"""Health: the status of a snapshot and its reasons."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crypto_bot.domain.instant import instant
from crypto_bot.domain.timeframe import Timeframe
from crypto_bot.engine.health import Health, HealthReport, Status, assess

QUARTER = Timeframe.parse("15m")
OPEN_MS = 1_764_547_200_000  # 2025-12-01T00:00:00Z
CLOSE_MS = QUARTER.close_of(OPEN_MS)
PATIENCE_MS = 60_000
STARTED = Health(started_ms=OPEN_MS)
CURRENT = replace(STARTED, last_cycle_ms=CLOSE_MS + 2_000, last_open_ms=OPEN_MS)


def report(health: Health, now_ms: int) -> HealthReport:
    return assess(health, now_ms, QUARTER, PATIENCE_MS)


def test_before_the_first_cycle_it_is_starting_whatever_is_wrong() -> None:
    found = report(replace(STARTED, exchange_down_since_ms=OPEN_MS + 5), OPEN_MS + 900_000)
    assert found.status is Status.STARTING
    assert found.lag_ms is None
    assert found.reasons == (
        "the exchange is down since 2025-12-01T00:00:00.005Z",
        "no signals yet; started at 2025-12-01T00:00:00.000Z",
    )


@pytest.mark.parametrize("late_ms", [0, 1, PATIENCE_MS])
def test_running_until_the_patience_after_the_next_close_is_over(late_ms: int) -> None:
    found = report(CURRENT, CLOSE_MS + QUARTER.ms + late_ms)
    assert found.status is Status.RUNNING
    assert found.reasons == ()
    assert found.lag_ms == late_ms


def test_degraded_when_the_next_candle_has_no_signals_in_time() -> None:
    found = report(CURRENT, CLOSE_MS + QUARTER.ms + PATIENCE_MS + 1)
    assert found.status is Status.DEGRADED
    assert found.reasons == (
        "signals are behind: the newest are of the candle of 2025-12-01T00:00:00.000Z",
    )
    assert found.lag_ms == PATIENCE_MS + 1


def test_degraded_while_the_exchange_is_down_though_signals_are_current() -> None:
    found = report(replace(CURRENT, exchange_down_since_ms=CLOSE_MS), CLOSE_MS + 10)
    assert found.status is Status.DEGRADED
    assert found.lag_ms == 0


def test_owed_candles_count_once_their_patience_is_over() -> None:
    owed = replace(CURRENT, owed_candles=3, oldest_owed_open_ms=OPEN_MS)
    assert report(owed, CLOSE_MS + PATIENCE_MS).status is Status.RUNNING
    found = report(owed, CLOSE_MS + PATIENCE_MS + 1)
    assert found.status is Status.DEGRADED
    assert found.reasons == ("3 candles have no signal, the oldest of 2025-12-01T00:00:00.000Z",)


def test_stopped_is_stopped() -> None:
    found = report(replace(CURRENT, stopped_ms=CLOSE_MS, owed_candles=3), CLOSE_MS + 10**9)
    assert found.status is Status.STOPPED
    assert found.reasons == ("stopped at 2025-12-01T00:15:00.000Z",)


@given(st.integers(0, 10**8), st.integers(0, 10**8))
def test_reasons_change_with_the_state_and_not_with_the_hour(first: int, second: int) -> None:
    a, b = (report(CURRENT, CLOSE_MS + after) for after in (first, second))
    assert a.status is not b.status or a.reasons == b.reasons


@given(st.integers(0, 4_102_444_800_000))
def test_instants_keep_their_milliseconds(at_ms: int) -> None:
    text = instant(at_ms)
    assert len(text) == len("2025-12-01T00:15:02.113Z")
    assert text.endswith(f".{at_ms % 1000:03d}Z")
