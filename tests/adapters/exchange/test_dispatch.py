"""Retries: how often, after which wait, and when not at all."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from crypto_bot.adapters.exchange.breaker import Breaker
from crypto_bot.adapters.exchange.dispatch import Dispatcher, Refused, backoff_ms
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
