"""Health: the status of a snapshot and its reasons."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crypto_bot.domain.instant import instant
from crypto_bot.domain.timeframe import Timeframe
from crypto_bot.engine.health import Health, HealthReport, Loading, Pace, Status, assess

QUARTER = Timeframe.parse("15m")
OPEN_MS = 1_764_547_200_000  # 2025-12-01T00:00:00Z
CLOSE_MS = QUARTER.close_of(OPEN_MS)
PATIENCE_MS = 60_000
STARTED = Health(started_ms=OPEN_MS)
CURRENT = replace(STARTED, last_cycle_ms=CLOSE_MS + 2_000, last_open_ms=OPEN_MS)
UNREACHED = replace(STARTED, exchange_down_since_ms=CLOSE_MS)
DOWN = replace(CURRENT, exchange_down_since_ms=CLOSE_MS)
OWED = replace(CURRENT, owed_candles=3, oldest_owed_open_ms=OPEN_MS)
IS_DOWN = "the exchange is down since 2025-12-01T00:15:00.000Z"
NO_SIGNALS = "no signals yet; started at 2025-12-01T00:00:00.000Z"
BEHIND = "signals are behind: the newest are of the candle of 2025-12-01T00:00:00.000Z"
ARE_OWED = "3 candles have no signal, the oldest of 2025-12-01T00:00:00.000Z"
STOPPED = "stopped at 2025-12-01T00:15:00.000Z"


def report(health: Health, now_ms: int) -> HealthReport:
    return assess(health, now_ms, QUARTER, PATIENCE_MS)


@pytest.mark.parametrize(
    ("health", "after_ms", "status", "reasons", "lag_ms"),
    [
        (
            replace(STARTED, exchange_down_since_ms=CLOSE_MS),
            0,
            Status.STARTING,
            (IS_DOWN, NO_SIGNALS),
            None,
        ),
        (
            replace(STARTED, loading=Loading(14, 32, 40, 96)),
            *(0, Status.STARTING, (f"{NO_SIGNALS}: history 14 of 32, record 40 of 96",), None),
        ),
        (CURRENT, QUARTER.ms, Status.RUNNING, (), 0),
        (CURRENT, QUARTER.ms + PATIENCE_MS, Status.RUNNING, (), PATIENCE_MS),
        (CURRENT, QUARTER.ms + PATIENCE_MS + 1, Status.DEGRADED, (BEHIND,), PATIENCE_MS + 1),
        (DOWN, 10, Status.DEGRADED, (IS_DOWN,), 0),
        # What follows from an outage is no reason of its own.
        (
            replace(OWED, exchange_down_since_ms=CLOSE_MS, exchange_problem="no answer"),
            *(QUARTER.ms + PATIENCE_MS + 1, Status.DEGRADED),
            *((f"{IS_DOWN}: no answer",), PATIENCE_MS + 1),
        ),
        (OWED, PATIENCE_MS, Status.RUNNING, (), 0),
        (OWED, PATIENCE_MS + 1, Status.DEGRADED, (ARE_OWED,), 0),
        (replace(CURRENT, clock_problem="odd"), 0, Status.DEGRADED, ("odd",), 0),
        (
            replace(OWED, halted=("A does not trade", "B is gone")),
            *(0, Status.DEGRADED, ("A does not trade", "B is gone"), 0),
        ),
        (replace(OWED, stopped_ms=CLOSE_MS), 10**6, Status.STOPPED, (STOPPED,), 10**5),
    ],
)
def test_the_status_and_its_reasons(
    health: Health, after_ms: int, status: Status, reasons: tuple[str, ...], lag_ms: int | None
) -> None:
    found = report(health, CLOSE_MS + after_ms)
    assert (found.status, found.reasons, found.lag_ms) == (status, reasons, lag_ms)


def test_the_time_left_is_that_of_the_step_in_progress() -> None:
    seconds = iter((0.0, 4.0, 6.0, 9.0, 12.0))
    pace = Pace(lambda: next(seconds))
    steps = ((0, 0), (8, 0), (32, 0), (32, 24), (32, 96))
    left = [pace.of(Loading(histories, 32, done, 96)).left_s for histories, done in steps]
    assert left == [None, 12.0, None, 9.0, None]
    assert Loading(32, 32, 24, 96, 9.4).words == "history 32 of 32, record 24 of 96, about 9 s left"


@given(st.integers(0, 10**8), st.integers(0, 10**8))
def test_reasons_change_with_the_state_and_not_with_the_hour(first: int, second: int) -> None:
    a, b = (report(CURRENT, CLOSE_MS + after) for after in (first, second))
    assert a.status is not b.status or a.reasons == b.reasons


@given(st.integers(0, 4_102_444_800_000))
def test_instants_keep_their_milliseconds(at_ms: int) -> None:
    text = instant(at_ms)
    assert len(text) == len("2025-12-01T00:15:02.113Z")
    assert text.endswith(f".{at_ms % 1000:03d}Z")
