"""Late candles are waited for, gaps are confirmed, nothing is invented."""

from collections.abc import Callable, Sequence
from itertools import product

import pytest

from crypto_bot.backtesting.replay import ReplayClock
from crypto_bot.domain.candle import Candle
from crypto_bot.domain.errors import ExchangeUnavailable
from crypto_bot.domain.timeframe import Timeframe
from crypto_bot.engine.candle_intake import CONFIRMATIONS, Arrived, CandleIntake
from crypto_bot.ports import Gap

M15 = Timeframe.parse("15m")
GRACE_MS = 20_000
POLL_MS = 2_000


def candle(index: int) -> Candle:
    return Candle(index * M15.ms, 10.0, 11.0, 9.0, 10.5, 1.0)


Has = Callable[[int, int], bool]


class ScriptedFeed:
    """Answers the nth request with the candles whose index `has(n, index)` lets through."""

    def __init__(self, has: Has) -> None:
        self.has = has
        self.asked: list[tuple[int, int]] = []

    def halted(self, symbol: str) -> str | None:
        return None

    async def price(self, symbol: str) -> float:
        raise ExchangeUnavailable(symbol)

    async def candles(self, symbol: str, since_ms: int, until_ms: int) -> list[Candle]:
        self.asked.append((since_ms // M15.ms, until_ms // M15.ms))
        n = len(self.asked)
        indices = range(since_ms // M15.ms, until_ms // M15.ms + 1)
        return [candle(index) for index in indices if self.has(n, index)]


async def collect(
    feed: ScriptedFeed, since: int, until: int, *, listed: bool = True
) -> tuple[Arrived, int]:
    """What arrived, and the time that it took."""
    clock = ReplayClock()
    closed_ms = M15.close_of(until * M15.ms)
    clock.set(closed_ms)
    intake = CandleIntake(M15, feed, clock, grace_ms=GRACE_MS, poll_ms=POLL_MS)
    arrived = await intake.collect("BTCUSDT", since * M15.ms, until * M15.ms, listed=listed)
    return arrived, clock.now_ms() - closed_ms


ALL_POLLS = GRACE_MS // POLL_MS


@pytest.mark.parametrize(
    ("has", "span", "candles", "gaps", "complete", "polls"),
    [
        (lambda n, at: True, (3, 5), [3, 4, 5], [], True, 0),
        (lambda n, at: n >= 4, (5, 5), [5], [], True, 3),  # late
        (lambda n, at: at < 5, (4, 5), [4], [], False, ALL_POLLS),  # too late
        (lambda n, at: at != 4, (3, 6), [3, 5, 6], [4], True, ALL_POLLS),  # a gap
        (lambda n, at: at != 4 or n == 5, (3, 6), [3, 4, 5, 6], [], True, 4),  # was a delay
        # the newest is missing as well: the hole is not confirmed, and what is behind it waits
        (lambda n, at: at == 3 or (at == 5 and n >= 8), (3, 6), [3], [], False, ALL_POLLS),
        (lambda n, at: at >= 5, (0, 7), [5, 6, 7], [0, 1, 2, 3, 4], True, ALL_POLLS),
        (lambda n, at: False, (3, 6), [], [], False, ALL_POLLS),
    ],
)
async def test_candles_gaps_and_what_is_waited_for(
    has: Has,
    span: tuple[int, int],
    candles: Sequence[int],
    gaps: Sequence[int],
    *,
    complete: bool,
    polls: int,
) -> None:
    feed = ScriptedFeed(has)
    arrived, waited_ms = await collect(feed, *span)
    assert arrived.candles == [candle(index) for index in candles]
    assert arrived.gaps == [Gap("BTCUSDT", index * M15.ms) for index in gaps]
    assert arrived.complete is complete
    assert (len(feed.asked), waited_ms) == (polls + 1, polls * POLL_MS)


async def test_what_is_missing_is_asked_again_between_candles_that_are_known() -> None:
    feed = ScriptedFeed(lambda n, index: n > 1 or index not in {7, 9})
    await collect(feed, 3, 12)
    assert feed.asked == [(3, 12), (4, 10)]


async def test_before_a_listing_there_are_no_gaps() -> None:
    arrived, _ = await collect(ScriptedFeed(lambda n, index: index >= 5), 0, 7, listed=False)
    assert arrived == Arrived([candle(5), candle(6), candle(7)], [], complete=True)


async def test_the_stored_candles_before_are_read_again_and_kept_once() -> None:
    feed = ScriptedFeed(lambda n, index: n > 1 or index != 5)
    clock = ReplayClock()
    clock.set(M15.close_of(5 * M15.ms))
    intake = CandleIntake(M15, feed, clock, grace_ms=GRACE_MS, poll_ms=POLL_MS)
    intake.judge.learn("BTCUSDT", map(candle, range(4)))
    arrived = await intake.collect("BTCUSDT", 4 * M15.ms, 5 * M15.ms)
    assert feed.asked == [(1, 5), (2, 5)]
    assert arrived.again == (candle(1), candle(2), candle(3))
    assert arrived.candles == [candle(4), candle(5)]


class Unsteady(ScriptedFeed):
    """Each reply is of one kind; the ticker is that of the other thing all the time."""

    def __init__(self, kinds: Sequence[str], factor: float) -> None:
        super().__init__(lambda _n, _index: True)
        self.kinds, self.factor = kinds, factor

    async def price(self, symbol: str) -> float:
        return 10.0 * self.factor

    async def candles(self, symbol: str, since_ms: int, until_ms: int) -> list[Candle]:
        found = [steady(each.open_ms) for each in await super().candles(symbol, since_ms, until_ms)]
        kind = self.kinds[min(len(self.asked), len(self.kinds)) - 1]
        if kind == "foreign":
            return [steady(each.open_ms, self.factor) for each in found]
        return {"true": found, "late": found[:-1], "empty": []}[kind]


def steady(open_ms: int, factor: float = 1.0) -> Candle:
    opened, high, low, close = (price * factor for price in (10.0, 10.01, 9.99, 10.0))
    return Candle(open_ms, opened, high, low, close, 1.0)


@pytest.mark.parametrize("factor", [0.2, 1.04, 1.5, 40.0])
async def test_no_order_of_replies_lets_in_candles_of_something_else(factor: float) -> None:
    for kinds in product(("true", "foreign", "late", "empty"), repeat=CONFIRMATIONS):
        clock = ReplayClock()
        clock.set(200 * M15.ms)
        intake = CandleIntake(M15, Unsteady(kinds, factor), clock, grace_ms=0, poll_ms=POLL_MS)
        intake.judge.learn("BTCUSDT", (steady(index * M15.ms) for index in range(100)))
        arrived = await intake.collect("BTCUSDT", 100 * M15.ms, 102 * M15.ms)
        taken = [*arrived.candles, *arrived.again]
        assert taken == [steady(each.open_ms) for each in taken], kinds
        assert arrived.complete is ("true" in kinds), kinds
        assert arrived.gaps == []
