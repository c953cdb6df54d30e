"""The circuit breaker: opens after a true outage only, and always finds its way back."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from crypto_bot.adapters.exchange.breaker import Breaker, BreakerState


def broken(breaker: Breaker, start_ms: int = 0) -> int:
    """Fails until `breaker` is open; the time of the failure that opened it."""
    now_ms = start_ms
    while not breaker.failed(None, now_ms):
        now_ms += 500
    return now_ms


def test_opens_after_enough_failures_over_enough_time() -> None:
    breaker = Breaker(failures=3, streak_ms=1_000)

    assert not breaker.failed("BTCUSDT", 100)
    assert not breaker.failed("BTCUSDT", 100)
    assert not breaker.failed("BTCUSDT", 1_099)
    assert breaker.down_since_ms is None
    assert breaker.failed("BTCUSDT", 1_100)
    assert breaker.state is BreakerState.OPEN
    assert breaker.down_since_ms == 100


def test_a_success_ends_the_streak() -> None:
    breaker = Breaker(failures=2, streak_ms=0)

    breaker.failed("BTCUSDT", 0)
    assert breaker.succeeded(1) is None
    assert not breaker.failed("BTCUSDT", 2)
    assert breaker.failed("BTCUSDT", 3)
    assert breaker.down_since_ms == 2


def test_one_coin_that_fails_is_not_an_exchange_that_is_down() -> None:
    breaker = Breaker(quorum=3, failures=4, streak_ms=0)

    assert not any(breaker.failed("BTCUSDT", at) for at in range(100))
    assert not breaker.failed("ETHUSDT", 100)
    assert breaker.failed("SOLUSDT", 101)


def test_a_request_that_concerns_no_coin_speaks_for_the_exchange() -> None:
    breaker = Breaker(quorum=3, failures=2, streak_ms=0)

    assert not breaker.failed(None, 0)
    assert breaker.failed(None, 1)


def test_one_probe_in_each_interval_while_open() -> None:
    breaker = Breaker(probe_ms=1_000)
    opened_ms = broken(breaker)

    admitted = [at for at in range(opened_ms, opened_ms + 3_500, 10) if breaker.admits(at)]

    assert admitted == [opened_ms + 1_000, opened_ms + 2_000, opened_ms + 3_000]


def test_the_first_success_closes_it_and_returns_the_duration_of_the_outage() -> None:
    breaker = Breaker()
    opened_ms = broken(breaker, start_ms=7_000)

    assert breaker.succeeded(opened_ms + 60_000) == opened_ms + 60_000 - 7_000
    assert breaker.state is BreakerState.CLOSED
    assert breaker.down_since_ms is None
    assert breaker.succeeded(opened_ms + 60_001) is None


def test_a_clock_set_back_does_not_block_the_probes() -> None:
    breaker = Breaker()
    opened_ms = broken(breaker, start_ms=3_600_000)

    assert breaker.admits(opened_ms - 1_800_000)
    assert breaker.succeeded(0) == 0


steps = st.lists(
    st.tuples(
        st.sampled_from(["fail", "succeed", "ask"]),
        st.sampled_from(["A", "B", "C", None]),
        st.integers(-500, 3_000),
    ),
    max_size=80,
)


@given(
    steps=steps,
    quorum=st.integers(1, 3),
    failures=st.integers(1, 6),
    streak_ms=st.integers(0, 4_000),
)
def test_events_alternate_and_closed_always_admits(
    steps: list[tuple[str, str | None, int]], quorum: int, failures: int, streak_ms: int
) -> None:
    breaker = Breaker(quorum=quorum, failures=failures, streak_ms=streak_ms, probe_ms=1_000)
    now_ms, streak, events = 10_000, 0, []
    for step, subject, wait_ms in steps:
        now_ms += wait_ms
        was = breaker.state
        if step == "fail":
            opened = breaker.failed(subject, now_ms)
            streak += 1
            assert opened == (was is BreakerState.CLOSED and breaker.state is BreakerState.OPEN)
            assert not opened or streak >= failures
            events += ["down"] * opened
        elif step == "succeed":
            down_ms = breaker.succeeded(now_ms)
            streak = 0
            assert breaker.state is BreakerState.CLOSED
            assert (down_ms is not None) == (was is BreakerState.OPEN)
            assert down_ms is None or down_ms >= 0
            events += ["up"] * (down_ms is not None)
        elif was is BreakerState.CLOSED:
            assert breaker.admits(now_ms)
        else:
            # Whatever happened before: within one interval a probe passes, and only one.
            assert sum(breaker.admits(now_ms + at) for at in (0, 1_000)) >= 1
            assert not breaker.admits(now_ms + 1_000)
            now_ms += 1_000
    assert events == ["down", "up"] * (len(events) // 2) + ["down"] * (len(events) % 2)
