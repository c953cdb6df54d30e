"""Brings one coin's candles up to date: polls for late ones, confirms gaps, doubts prices."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from crypto_bot.domain.candle import Candle, missing_opens
from crypto_bot.domain.errors import MarketDataError
from crypto_bot.domain.instant import instant
from crypto_bot.domain.plausibility import AGAIN_BARS, Doubted, Plausibility
from crypto_bot.domain.timeframe import Timeframe
from crypto_bot.ports import CandleFeed, Clock, Gap

CONFIRMATIONS = 5
"""A candle is a gap when so many valid replies lack it and have a later one."""


class Doubt(NamedTuple):
    """What became of candles whose prices are not what the coin's past lets expect.

    `taken`: the ticker has that price too. `held`: nothing is taken until they change, or the
    ticker does. `quarantined`: later candles are as expected, so these are a gap.
    """

    symbol: str
    became: Literal["taken", "held", "quarantined"]
    reason: str


class Arrived(NamedTuple):
    """The candles of one coin, ascending, contiguous but for the confirmed `gaps`."""

    candles: list[Candle]
    gaps: list[Gap]
    complete: bool
    """Whether everything asked for is here or confirmed missing."""
    why: str | None = None
    """Why it is not complete, where more is known than that candles are late."""
    again: tuple[Candle, ...] = ()
    """Stored candles, read again."""
    doubts: tuple[Doubt, ...] = ()


@dataclass(slots=True, eq=False)
class CandleIntake:
    """Polls the feed until a range is complete or the grace period has passed.

    A missing candle is a gap and is never made up; a late one leaves the coin incomplete, and no
    later candle is taken before it. A candle that the `judge` doubts counts as missing, until the
    feed's ticker confirms it.
    """

    timeframe: Timeframe
    feed: CandleFeed
    clock: Clock
    grace_ms: int
    poll_ms: int
    judge: Plausibility = field(init=False)
    """It is to learn what is stored."""

    def __post_init__(self) -> None:
        self.judge = Plausibility(self.timeframe)

    async def collect(
        self,
        symbol: str,
        since_ms: int,
        until_ms: int,
        *,
        listed: bool = True,
        known: Sequence[Candle] = (),
    ) -> Arrived:
        """Candles with open in `[since_ms, until_ms]`, and the stored ones before, read again.

        `listed`: the coin is known to have traded before `since_ms`; otherwise candles missing
        before its first one are no gaps. `known`: stored candles with which every reply is to
        agree, ascending; the judge's newest where none are given. Raises MarketDataError from the
        feed.
        """
        deadline_ms = self.timeframe.close_of(until_ms) + self.grace_ms
        known = known or self.judge.newest(symbol)
        replies = _Replies(symbol, since_ms, until_ms, self.timeframe, self.judge, known)
        while True:
            replies.take(await self.feed.candles(symbol, *replies.wanted))
            if replies.count > 1 and replies.comparable:
                await self._ask_ticker(replies)
            halted = self.feed.halted(symbol)
            # Of a coin that does not trade nothing is late, though there may be gaps.
            exhausted = replies.count >= CONFIRMATIONS and self.clock.now_ms() >= deadline_ms
            exhausted = exhausted or (halted is not None and not replies.lacked)
            if not replies.missing or exhausted:
                break
            await self.clock.sleep(self.poll_ms)
        return replies.arrived(halted, listed=listed)

    async def _ask_ticker(self, replies: _Replies) -> None:
        """Takes the newest candles where the ticker, another endpoint, is where they are."""
        symbol, newest = replies.symbol, replies.ahead[-1].candle
        other = self.judge.resembles(symbol, newest)
        if other is not None:
            replies.held = f"as {other} does"
            return
        try:
            price = await self.feed.price(symbol)
        except MarketDataError as error:
            replies.held = f"and its ticker cannot be read: {error}"
            return
        if self.judge.agrees(symbol, newest, price):
            replies.confirm()
        else:
            replies.held = f"but its ticker is at {price:g}"


class _Replies:
    """What the replies for one coin have brought so far."""

    def __init__(  # noqa: PLR0917 - one caller, in this file
        self,
        symbol: str,
        since_ms: int,
        until_ms: int,
        timeframe: Timeframe,
        judge: Plausibility,
        stored: Sequence[Candle],
    ) -> None:
        self.symbol = symbol
        self.count = 0
        self.missing = [since_ms, until_ms]
        """Open times without a plausible candle, ascending."""
        self.lacked = Counter[int]()
        """How many replies lacked each of them and had a later one."""
        self.ahead: Sequence[Doubted] = ()
        """Doubted candles that no plausible one follows."""
        self.held = "and has not been compared with its ticker"
        """Why those ahead are not taken."""
        self._span = since_ms, until_ms
        self._timeframe = timeframe
        self._judge = judge
        self._stored = {each.open_ms: each for each in stored}
        self._found: dict[int, Candle] = {}
        self._plausible: dict[int, Candle] = {}
        self._doubted: Sequence[Doubted] = ()
        self._again: tuple[Candle, ...] = ()
        self._confirmed: dict[int, str] = {}
        self._contradiction: str | None = None
        self._agreeing: frozenset[int] = frozenset()
        """Open times in the newest reply, where that agrees with what was known before."""

    @property
    def wanted(self) -> tuple[int, int]:
        """The next request: what is missing, between candles that are known.

        By those before it a reply is judged; without one after it, it would not show a gap.
        """
        known = sorted(self._known())
        before = [at for at in known if at < self.missing[0]][-AGAIN_BARS:]
        after = [at for at in known if at > self.missing[-1]]
        return (before or self.missing)[0], (after or self.missing[-1:])[0]

    @property
    def comparable(self) -> bool:
        """Whether candles ahead may be those of this coin: they came with known ones.

        A ticker is no second witness for a reply without any: it may be another coin's as well.
        """
        return bool(self.ahead) and self.ahead[-1].candle.open_ms in self._agreeing

    def take(self, reply: Sequence[Candle]) -> None:
        """Adds a reply, unless it is not of this coin at all."""
        self.count += 1
        self._agreeing = frozenset()
        if not reply:
            return
        known = self._known()
        self._contradiction = self._judge.contradiction(self.symbol, reply, known)
        if self._contradiction is not None:
            return
        opens = frozenset(each.open_ms for each in reply)
        if not known or opens & known.keys():
            self._agreeing = opens
        self._again = self._again or tuple(each for each in reply if each.open_ms in self._stored)
        since_ms = self._span[0]
        self._found.update((each.open_ms, each) for each in reply if each.open_ms >= since_ms)
        self._sift()
        newest_ms = max(self._plausible, default=since_ms)
        self.lacked.update(at for at in self.missing if at < newest_ms)

    def confirm(self) -> None:
        """The newest of those ahead are true, as far back as one follows from the other."""
        first = self.ahead[-1]
        for each in reversed(self.ahead[:-1]):
            if each.candle.open_ms not in self._agreeing or not self._judge.agrees(
                self.symbol, each.candle, first.candle.open
            ):
                break
            first = each
        self._confirmed[first.candle.open_ms] = _words(self.symbol, first)
        self._sift()

    def arrived(self, halted: str | None, *, listed: bool) -> Arrived:
        late_ms = next((at for at in self.missing if self.lacked[at] < CONFIRMATIONS), None)
        end_ms = self._span[1] + 1 if late_ms is None else late_ms
        candles = [self._plausible[at] for at in sorted(self._plausible) if at < end_ms]
        first_ms = candles[0].open_ms if candles and not listed else self._span[0]
        gaps = [Gap(self.symbol, at) for at in self.missing if first_ms <= at < end_ms]
        held = self._contradiction
        if held is None and self.ahead:
            held = f"{_words(self.symbol, self.ahead[0])}, {self.held}"
        return Arrived(
            *(candles, gaps),
            complete=late_ms is None,
            why=held or halted,
            again=self._again,
            doubts=tuple(self._doubts(end_ms, held)),
        )

    def _doubts(self, end_ms: int, held: str | None) -> list[Doubt]:
        found = [
            Doubt(self.symbol, "taken", f"{words}, and so does its ticker")
            for at, words in self._confirmed.items()
            if at < end_ms
        ]
        found += [
            Doubt(self.symbol, "quarantined", _words(self.symbol, each))
            for each in self._doubted
            if each.candle.open_ms < end_ms
        ]
        return found if held is None else [*found, Doubt(self.symbol, "held", held)]

    def _known(self) -> dict[int, Candle]:
        return self._stored | self._plausible

    def _sift(self) -> None:
        found = [self._found[at] for at in sorted(self._found)]
        plausible, self._doubted = self._judge.sift(self.symbol, found, self._confirmed)
        self._plausible = {each.open_ms: each for each in plausible}
        self.missing = missing_opens(self._plausible, *self._span, self._timeframe)
        newest_ms = max(self._plausible, default=-1)
        self.ahead = [each for each in self._doubted if each.candle.open_ms > newest_ms]


def _words(symbol: str, doubted: Doubted) -> str:
    candle = doubted.candle
    return (
        f"{symbol} opens at {candle.open:g} on {instant(candle.open_ms)}, far from its last close "
        f"of {doubted.close:g}"
    )
