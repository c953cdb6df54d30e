"""Brings one coin's candles up to date: polls for late ones and confirms gaps."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import NamedTuple

from crypto_bot.domain.candle import Candle, missing_opens
from crypto_bot.domain.timeframe import Timeframe
from crypto_bot.ports import CandleFeed, Clock, Gap

CONFIRMATIONS = 5
"""A candle is a gap when so many valid replies lack it and have a later one."""


class Arrived(NamedTuple):
    """The candles of one coin, ascending, contiguous but for the confirmed `gaps`."""

    candles: list[Candle]
    gaps: list[Gap]
    complete: bool
    """Whether everything asked for is here or confirmed missing."""
    halted: str | None = None
    """Why the exchange makes no new candles of the coin, where that is so."""
    again: tuple[Candle, ...] = ()
    """Candles before those asked for, read again."""


@dataclass(frozen=True, slots=True, eq=False)
class CandleIntake:
    """Polls the feed until a range is complete or the grace period has passed.

    A missing candle is a gap and is never made up; a late one leaves the coin incomplete, and no
    later candle is taken before it.
    """

    timeframe: Timeframe
    feed: CandleFeed
    clock: Clock
    grace_ms: int
    poll_ms: int

    async def collect(
        self, symbol: str, since_ms: int, until_ms: int, *, listed: bool = True, again: int = 0
    ) -> Arrived:
        """Candles with open in `[since_ms, until_ms]`, and the `again` bars before, read again.

        `listed`: the coin is known to have traded before `since_ms`; otherwise candles missing
        before its first one are no gaps. Raises MarketDataError from the feed.
        """
        deadline_ms = self.timeframe.close_of(until_ms) + self.grace_ms
        found: dict[int, Candle] = {}
        lacked = Counter[int]()
        missing = [since_ms, until_ms]
        replies = 0
        before: tuple[Candle, ...] = ()
        first_ms = since_ms - again * self.timeframe.ms
        while True:
            reply = await self.feed.candles(symbol, first_ms, missing[-1])
            replies += 1
            before = before or tuple(each for each in reply if each.open_ms < since_ms)
            found.update((each.open_ms, each) for each in reply if each.open_ms >= since_ms)
            missing = missing_opens(found, since_ms, until_ms, self.timeframe)
            newest_ms = max(found, default=since_ms)
            lacked.update(at for at in missing if at < newest_ms)
            halted = self.feed.halted(symbol)
            # Of a coin that does not trade nothing is late, though there may be gaps.
            exhausted = replies >= CONFIRMATIONS and self.clock.now_ms() >= deadline_ms
            exhausted = exhausted or (halted is not None and not lacked)
            if not missing or exhausted:
                break
            first_ms = missing[0]
            await self.clock.sleep(self.poll_ms)
        late_ms = next((at for at in missing if lacked[at] < CONFIRMATIONS), None)
        end_ms = until_ms + 1 if late_ms is None else late_ms
        candles = [found[at] for at in sorted(found) if at < end_ms]
        first_ms = candles[0].open_ms if candles and not listed else since_ms
        gaps = [Gap(symbol, at) for at in missing if first_ms <= at < end_ms]
        return Arrived(candles, gaps, complete=late_ms is None, halted=halted, again=before)
