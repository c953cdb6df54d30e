"""Brings one coin's candles up to date: polls for late ones and confirms gaps."""

from __future__ import annotations

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
        self, symbol: str, since_ms: int, until_ms: int, *, listed: bool = True
    ) -> Arrived:
        """Candles with open in `[since_ms, until_ms]`.

        `listed`: the coin is known to have traded before `since_ms`; otherwise candles missing
        before its first one are no gaps. Raises MarketDataError from the feed.
        """
        deadline_ms = self.timeframe.close_of(until_ms) + self.grace_ms
        found: dict[int, Candle] = {}
        lacked: dict[int, int] = {}
        missing = [since_ms, until_ms]
        replies = 0
        while True:
            reply = await self.feed.candles(symbol, missing[0], missing[-1])
            replies += 1
            found.update((candle.open_ms, candle) for candle in reply)
            missing = missing_opens(found, since_ms, until_ms, self.timeframe)
            newest_ms = max(found, default=since_ms)
            for open_ms in missing:
                if open_ms < newest_ms:
                    lacked[open_ms] = lacked.get(open_ms, 0) + 1
            if not missing or self._exhausted(replies, deadline_ms):
                break
            await self.clock.sleep(self.poll_ms)
        confirmed = {at for at in missing if lacked.get(at, 0) >= CONFIRMATIONS}
        return self._arrived(symbol, found, missing, confirmed, listed=listed)

    def _exhausted(self, replies: int, deadline_ms: int) -> bool:
        return replies >= CONFIRMATIONS and self.clock.now_ms() >= deadline_ms

    def _arrived(
        self,
        symbol: str,
        found: dict[int, Candle],
        missing: list[int],
        confirmed: set[int],
        *,
        listed: bool,
    ) -> Arrived:
        blocked_at = next((at for at in missing if at not in confirmed), None)
        candles = [
            candle
            for open_ms, candle in sorted(found.items())
            if blocked_at is None or open_ms < blocked_at
        ]
        first_ms = candles[0].open_ms if candles and not listed else -1
        gaps = [
            Gap(symbol, open_ms)
            for open_ms in sorted(confirmed)
            if open_ms > first_ms and (blocked_at is None or open_ms < blocked_at)
        ]
        return Arrived(candles, gaps, complete=blocked_at is None)
