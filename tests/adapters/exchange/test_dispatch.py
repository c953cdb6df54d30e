"""Retries, and the circuit breaker, which opens after a true outage only and always closes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from crypto_bot.adapters.exchange.dispatch import Breaker, Dispatcher, Refused, backoff_ms
from crypto_bot.domain.errors import BadCandles, ExchangeUnavailable, MarketDataError, RateLimited


class Exchange:
    """Answers with what it was given, in order; the last for ever."""

    def __init__(self, *answers: str | MarketDataError) -> None:
        self.answers = answers
        self.asked = 0

    async def __call__(self) -> str:
        answer = self.answers[min(self.asked, len(self.answers) - 1)]
        self.asked += 1
        if isinstance(answer, MarketDataError):
            raise answer
        return answer


DOWN = ExchangeUnavailable("connection refused")


@given(attempt=st.integers(1, 100), chance=st.floats(0, 1))
def test_waits_double_up_to_a_cap_and_half_is_chance(attempt: int, chance: float) -> None:
    wait_ms = backoff_ms(attempt, chance)

    assert min(250 * 2 ** (attempt - 1), 4_000) <= wait_ms <= min(500 * 2 ** (attempt - 1), 8_000)
    assert backoff_ms(attempt + 1, chance) >= wait_ms


@pytest.mark.parametrize("error", [DOWN, BadCandles("NaN"), RateLimited("429", 1.0)])
async def test_a_failure_is_retried_and_the_last_one_raised(
    error: MarketDataError, clock: Any
) -> None:
    exchange = Exchange(error, error, "answer")
    assert await Dispatcher("x", clock, 3, Breaker()).ask("BTCUSDT", exchange) == "answer"
    assert exchange.asked == 3

    exchange = Exchange(error)
    with pytest.raises(type(error), match=str(error)):
        await Dispatcher("x", clock, 3, Breaker()).ask("BTCUSDT", exchange)
    assert exchange.asked == 3


@pytest.mark.parametrize(
    "error", [Refused("no such symbol"), MarketDataError("closed"), RateLimited("ban", 3_600.0)]
)
async def test_what_a_retry_cannot_change_is_requested_once(
    error: MarketDataError, clock: Any
) -> None:
    exchange = Exchange(error)

    start_ms = clock.at_ms

    with pytest.raises(type(error)):
        await Dispatcher("x", clock, 5, Breaker()).ask("BTCUSDT", exchange)
    assert exchange.asked == 1
    assert clock.at_ms == start_ms


async def test_an_outage_is_two_events_and_few_requests(clock: Any) -> None:
    start_ms, breaker = clock.at_ms, Breaker(quorum=2)
    dispatcher = Dispatcher("binance", clock, 5, breaker)
    exchange = Exchange(DOWN)

    async def failing(request: Callable[[], Awaitable[str]], symbol: str) -> None:
        with pytest.raises(ExchangeUnavailable):
            await dispatcher.ask(symbol, request)

    with capture_logs() as events:
        while breaker.down_since_ms is None:
            await failing(exchange, "BTCUSDT")
            await failing(exchange, "ETHUSDT")
        asked = exchange.asked
        opened_ms = clock.at_ms
        for _ in range(600):
            await failing(exchange, "BTCUSDT")
            clock.at_ms += 100
        assert exchange.asked - asked == 60_000 // breaker.probe_ms - 1
        clock.at_ms += 5_000
        assert await dispatcher.ask("BTCUSDT", Exchange("back")) == "back"
        assert await dispatcher.ask("BTCUSDT", Exchange("still")) == "still"

    assert [event["event"] for event in events] == ["exchange.down", "exchange.up"]
    assert events[0]["reason"] == "connection refused"
    assert events[1]["down_s"] == pytest.approx((clock.at_ms - start_ms) / 1000)
    assert clock.at_ms == opened_ms + 65_000


@pytest.mark.parametrize(
    ("error", "is_up"),
    [
        (BadCandles("NaN"), True),
        (Refused("no such symbol"), True),
        (RateLimited("429", 1.0), False),
        (MarketDataError("the feed was closed"), False),
    ],
)
async def test_an_answer_of_any_kind_shows_that_the_exchange_is_up(
    error: MarketDataError, is_up: bool, clock: Any
) -> None:
    breaker = Breaker(failures=1, streak_ms=0, probe_ms=0)
    breaker.failed(None, 0)

    with pytest.raises(type(error)):
        await Dispatcher("x", clock, 1, breaker).ask("BTCUSDT", Exchange(error))

    assert (breaker.down_since_ms is None) is is_up


async def test_an_outage_keeps_the_reason_with_which_it_was_noticed(clock: Any) -> None:
    breaker = Breaker(failures=1, streak_ms=0, probe_ms=0)
    dispatcher = Dispatcher("x", clock, 1, breaker)
    for reason in ("no route", "no answer"):
        with pytest.raises(ExchangeUnavailable):
            await dispatcher.ask(None, Exchange(ExchangeUnavailable(reason)))
        assert dispatcher.problem == "no route"
    breaker.succeeded(clock.now_ms())
    assert dispatcher.problem is None


def broken(breaker: Breaker, start_ms: int = 0) -> int:
    """Fails until `breaker` is open; the time of the failure that opened it."""
    now_ms = start_ms
    while not breaker.failed(None, now_ms):
        now_ms += 500
    return now_ms


@pytest.mark.parametrize(
    ("breaker", "failures"),
    [
        # Not before there were enough of them over enough time.
        (Breaker(failures=3, streak_ms=1_000), [("BTC", at) for at in (100, 100, 1_099, 1_100)]),
        # One coin that fails is not an exchange that is down.
        (Breaker(3, 4, 0), [*(("BTC", at) for at in range(100)), ("ETH", 100), ("SOL", 101)]),
        # A request that concerns no coin speaks for the exchange.
        (Breaker(quorum=3, failures=2, streak_ms=0), [(None, 0), (None, 1)]),
    ],
)
def test_the_last_of_these_failures_opens_it(
    breaker: Breaker, failures: list[tuple[str | None, int]]
) -> None:
    *before, last = [breaker.failed(*failure) for failure in failures]
    assert last
    assert not any(before)
    assert breaker.down_since_ms == failures[0][1]


def test_a_success_ends_the_streak_and_the_outage() -> None:
    breaker = Breaker(failures=2, streak_ms=0)
    breaker.failed("BTCUSDT", 0)
    assert breaker.succeeded(1) is None
    assert not breaker.failed("BTCUSDT", 7_000)
    assert breaker.failed("BTCUSDT", 7_001)
    assert breaker.succeeded(67_000) == 60_000
    assert breaker.down_since_ms is None
    assert breaker.succeeded(67_001) is None


def test_one_probe_in_each_interval_while_open() -> None:
    breaker = Breaker(probe_ms=1_000)
    opened_ms = broken(breaker)

    admitted = [at for at in range(opened_ms, opened_ms + 3_500, 10) if breaker.admits(at)]

    assert admitted == [opened_ms + 1_000, opened_ms + 2_000, opened_ms + 3_000]


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
        was_open = breaker.down_since_ms is not None
        if step == "fail":
            opened = breaker.failed(subject, now_ms)
            streak += 1
            assert opened == (not was_open and breaker.down_since_ms is not None)
            assert not opened or streak >= failures
            events += ["down"] * opened
        elif step == "succeed":
            down_ms = breaker.succeeded(now_ms)
            streak = 0
            assert breaker.down_since_ms is None
            assert (down_ms is not None) == was_open
            assert down_ms is None or down_ms >= 0
            events += ["up"] * (down_ms is not None)
        elif not was_open:
            assert breaker.admits(now_ms)
        else:
            # Whatever happened before: within one interval a probe passes, and only one.
            assert sum(breaker.admits(now_ms + at) for at in (0, 1_000)) >= 1
            assert not breaker.admits(now_ms + 1_000)
            now_ms += 1_000
    assert events == ["down", "up"] * (len(events) // 2) + ["down"] * (len(events) % 2)
