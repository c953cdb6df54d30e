"""Late candles are waited for, gaps are confirmed, nothing is invented."""

from collections.abc import Callable

from crypto_bot.backtesting.replay import ReplayClock
from crypto_bot.domain.candle import Candle
from crypto_bot.domain.timeframe import Timeframe
from crypto_bot.engine.candle_intake import CONFIRMATIONS, Arrived, CandleIntake
from crypto_bot.ports import Gap

M15 = Timeframe.parse("15m")
GRACE_MS = 20_000
POLL_MS = 2_000


def candle(index: int) -> Candle:
    return Candle(index * M15.ms, 10.0, 11.0, 9.0, 10.5, 1.0)


class ScriptedFeed:
    """Answers the nth request with the candles whose index `has(n, index)` lets through."""

    def __init__(self, has: Callable[[int, int], bool]) -> None:
        self.has = has
        self.asked: list[tuple[int, int]] = []

    async def candles(self, symbol: str, since_ms: int, until_ms: int) -> list[Candle]:
        self.asked.append((since_ms // M15.ms, until_ms // M15.ms))
        n = len(self.asked)
        indices = range(since_ms // M15.ms, until_ms // M15.ms + 1)
        return [candle(index) for index in indices if self.has(n, index)]


async def collect(
    feed: ScriptedFeed, since: int, until: int, *, listed: bool = True
) -> tuple[Arrived, int]:
    clock = ReplayClock()
    closed_ms = M15.close_of(until * M15.ms)
    clock.set(closed_ms)
    intake = CandleIntake(M15, feed, clock, grace_ms=GRACE_MS, poll_ms=POLL_MS)
    arrived = await intake.collect("BTCUSDT", since * M15.ms, until * M15.ms, listed=listed)
    return arrived, clock.now_ms() - closed_ms


async def test_a_whole_answer_is_taken_at_once() -> None:
    feed = ScriptedFeed(lambda n, index: True)
    arrived, waited_ms = await collect(feed, 3, 5)
    assert arrived == Arrived([candle(3), candle(4), candle(5)], [], complete=True)
    assert (len(feed.asked), waited_ms) == (1, 0)


async def test_a_late_candle_is_polled_for() -> None:
    feed = ScriptedFeed(lambda n, index: n >= 4)
    arrived, waited_ms = await collect(feed, 5, 5)
    assert arrived == Arrived([candle(5)], [], complete=True)
    assert waited_ms == 3 * POLL_MS


async def test_one_that_stays_away_is_late_not_a_gap() -> None:
    feed = ScriptedFeed(lambda n, index: index < 5)
    arrived, waited_ms = await collect(feed, 4, 5)
    assert arrived == Arrived([candle(4)], [], complete=False)
    assert waited_ms == GRACE_MS


async def test_a_hole_is_a_gap_when_enough_replies_lack_it() -> None:
    feed = ScriptedFeed(lambda n, index: index != 4)
    arrived, _ = await collect(feed, 3, 6)
    assert arrived.candles == [candle(3), candle(5), candle(6)]
    assert arrived.gaps == [Gap("BTCUSDT", 4 * M15.ms)]
    assert arrived.complete
    assert len(feed.asked) >= CONFIRMATIONS


async def test_a_hole_that_one_reply_fills_is_none() -> None:
    feed = ScriptedFeed(lambda n, index: index != 4 or n == CONFIRMATIONS)
    arrived, _ = await collect(feed, 3, 6)
    assert arrived == Arrived([candle(index) for index in range(3, 7)], [], complete=True)


async def test_only_what_is_missing_is_asked_again() -> None:
    feed = ScriptedFeed(lambda n, index: n > 1 or index not in {4, 6})
    await collect(feed, 3, 9)
    assert feed.asked == [(3, 9), (4, 6)]


async def test_what_lies_behind_an_unconfirmed_hole_waits() -> None:
    """The newest is missing as well, so nothing says that the hole is more than a delay."""
    feed = ScriptedFeed(lambda n, index: index in {3, 5} and not (index == 5 and n < CONFIRMATIONS))
    arrived, _ = await collect(feed, 3, 6)
    assert arrived.gaps in ([], [Gap("BTCUSDT", 4 * M15.ms)])
    assert not arrived.complete
    expected = [candle(3)] if not arrived.gaps else [candle(3), candle(5)]
    assert arrived.candles == expected


async def test_before_a_listing_there_are_no_gaps() -> None:
    feed = ScriptedFeed(lambda n, index: index >= 5)
    arrived, _ = await collect(feed, 0, 7, listed=False)
    assert arrived == Arrived([candle(5), candle(6), candle(7)], [], complete=True)
    arrived, _ = await collect(ScriptedFeed(lambda n, index: index >= 5), 0, 7)
    assert [gap.open_ms // M15.ms for gap in arrived.gaps] == [0, 1, 2, 3, 4]


async def test_no_candles_at_all_is_incomplete() -> None:
    arrived, _ = await collect(ScriptedFeed(lambda n, index: False), 3, 6)
    assert arrived == Arrived([], [], complete=False)
