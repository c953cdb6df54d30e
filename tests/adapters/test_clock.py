"""The clocks: one that can be corrected, one that runs faster."""

from __future__ import annotations

import time

from crypto_bot.adapters.clock import AcceleratedClock, SystemClock


def test_corrections_add_up_since_each_is_measured_against_the_corrected_clock() -> None:
    clock = SystemClock()
    clock.correct(3_600_000)
    clock.correct(-600_000)

    before_ms = time.time_ns() // 1_000_000
    now_ms = clock.now_ms()
    after_ms = time.time_ns() // 1_000_000

    assert before_ms <= now_ms - 3_000_000 <= after_ms


def test_an_accelerated_clock_is_a_function_of_the_machine_time_alone() -> None:
    anchor_ms = time.time_ns() // 1_000_000 - 10_000
    clock = AcceleratedClock(1_764_547_200_000, anchor_ms, 1800.0)

    before_ms = time.time_ns() / 1e6
    now_ms = clock.now_ms()
    after_ms = time.time_ns() / 1e6

    assert (before_ms - anchor_ms) * 1800 - 1 <= now_ms - 1_764_547_200_000
    assert now_ms - 1_764_547_200_000 <= (after_ms - anchor_ms) * 1800
    assert clock.real_seconds(900_000) == 0.5


async def test_waits_are_scaled_and_a_wait_of_less_than_nothing_is_none() -> None:
    clock = AcceleratedClock(0, time.time_ns() // 1_000_000, 1000.0)

    started = time.perf_counter()
    await clock.sleep(20_000)
    await clock.sleep(-20_000)

    assert 0.02 <= time.perf_counter() - started < 20, "20 s are what it would take unscaled"
