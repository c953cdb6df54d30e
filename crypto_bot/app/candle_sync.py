"""Candles fetched into the archive: from the exchange, or daily ones from CryptoCompare."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

from crypto_bot.adapters.store.candle_archive import SqlCandleArchive
from crypto_bot.app.market import Market, open_market
from crypto_bot.app.market_data import read_daily_candles
from crypto_bot.app.settings import Settings
from crypto_bot.domain.errors import ConfigError, MarketDataError
from crypto_bot.domain.instant import instant
from crypto_bot.domain.plausibility import AGAIN_BARS, WINDOW_BARS, differs
from crypto_bot.engine.candle_intake import Arrived, CandleIntake

CRYPTOCOMPARE = "cryptocompare"
"""As the id of an exchange: its daily candles, which no ccxt exchange has."""
PART_BARS = 2_880
"""So many candles of a coin are fetched at a time, and stored together: 30 days at 15 minutes."""
Brought = Callable[[str, int, int], None]
"""Called with each coin, its candles and gaps."""
Fetched = Callable[[int, int, int], None]
"""Called with the time that the history of all coins goes back to, and parts done and in all."""


def fetch_history(
    settings: Settings,
    archive: SqlCandleArchive,
    symbols: Sequence[str],
    since_ms: int,
    on_coin: Brought,
) -> list[str]:
    """Fetches the candles of `symbols` since `since_ms`; a line for each coin that failed.

    Raises ConfigError where the timeframe is not to be had, and MarketDataError.
    """
    if settings.exchange.id != CRYPTOCOMPARE:
        return asyncio.run(sync(settings, archive, symbols, lambda _: since_ms, on_coin))
    if settings.tf != "1d":
        raise ConfigError(f"{CRYPTOCOMPARE} gives daily candles alone: use --tf 1d")
    problems = []
    for symbol in symbols:
        try:
            found = read_daily_candles(settings, symbol, since_ms, 2**62)
        except MarketDataError as error:
            problems.append(f"{symbol}: {error}")
            continue
        archive.add({symbol: found})
        on_coin(symbol, len(found), 0)
    return problems


class Compared(NamedTuple):
    """The candles of a coin beside those of the exchange: how many differ, and are not stored."""

    symbol: str
    candles: int
    changed: int
    missing: int


async def compare(
    settings: Settings, archive: SqlCandleArchive, symbols: Sequence[str], span_ms: int
) -> tuple[list[Compared], list[str]]:
    """Reads the last `span_ms` again, and stores as revisions what differs.

    Only of the time since a coin's first stored candle. Also a line for each coin that failed.
    Raises ConfigError, MarketDataError.
    """
    timeframe, compared = settings.timeframe, list[Compared]()
    async with _opened(settings, archive, symbols) as market:
        until_ms = timeframe.last_closed(market.clock.now_ms())
        since_ms = until_ms - span_ms + timeframe.ms

        async def look(symbol: str) -> str | None:
            held = archive.read(symbol, since_ms, until_ms, revised=True)
            if not held:
                return f"{symbol}: no candles are stored in this time"
            try:
                found = await market.feed.candles(symbol, held[0].open_ms, held[-1].open_ms)
            except MarketDataError as error:
                return f"{symbol}: {error}"
            stored = {each.open_ms: each for each in held}
            foreign = [
                each
                for each in found
                if each.open_ms in stored and differs(each, stored[each.open_ms])
            ]
            if foreign:
                return (
                    f"{symbol}: {len(foreign):,} candles have the prices of something else, the "
                    f"first of {instant(foreign[0].open_ms)}: none was stored; import the right "
                    "ones with --replace 1 if it is those stored that are wrong"
                )
            changed = archive.revise(symbol, found, market.clock.now_ms())
            missing = {each.open_ms for each in found} - set(stored)
            compared.append(Compared(symbol, len(found), changed, len(missing)))
            return None

        problems = await asyncio.gather(*map(look, symbols))
    return compared, [each for each in problems if each is not None]


@asynccontextmanager
async def _opened(
    settings: Settings, archive: SqlCandleArchive, symbols: Sequence[str]
) -> AsyncIterator[Market]:
    market = await asyncio.to_thread(open_market, settings, symbols, None)
    try:
        await market.feed.open(symbols, archive.newest_opens())
        await market.correct_clock()
        yield market
    finally:
        await market.close()


async def sync(
    settings: Settings,
    archive: SqlCandleArchive,
    symbols: Sequence[str],
    since_of: Callable[[int], int],
    on_coin: Brought,
    *,
    on_part: Fetched = lambda *_: None,
) -> list[str]:
    """Fetches up to the newest closed candle, then back to `since_of(until_ms)`.

    A line for each coin that failed. What has arrived is stored, so a sync that was ended goes on
    where it was. Raises ConfigError, MarketDataError.
    """
    async with _opened(settings, archive, symbols) as market:
        until_ms = settings.timeframe.last_closed(market.clock.now_ms())
        fetching = _Fetching(settings, archive, market, since_of(until_ms), until_ms)
        newest = archive.newest_opens(until_ms)
        intake = fetching.intake()
        forward = (fetching.forward(intake, each, newest.get(each), on_coin) for each in symbols)
        problems = [*await asyncio.gather(*forward), *await fetching.back(symbols, on_part)]
    return [each for each in problems if each is not None]


@dataclass(frozen=True, slots=True)
class _Fetching:
    """Of the candles from `since_ms` to `until_ms`."""

    settings: Settings
    archive: SqlCandleArchive
    market: Market
    since_ms: int
    until_ms: int

    def intake(self) -> CandleIntake:
        """One for all coins, which are compared with each other."""
        poll_ms = int(self.settings.exchange.poll_s * 1000)
        timeframe, market = self.settings.timeframe, self.market
        return CandleIntake(timeframe, market.feed, market.clock, grace_ms=0, poll_ms=poll_ms)

    async def forward(
        self, intake: CandleIntake, symbol: str, known_ms: int | None, on_coin: Brought
    ) -> str | None:
        """From the newest stored candle on; a coin without any begins a part before the end."""
        step_ms = self.settings.timeframe.ms
        if known_ms is None:
            since_ms = max(self.since_ms, self.until_ms - PART_BARS * step_ms)
        else:
            since_ms = known_ms + step_ms
            tail_ms = known_ms - WINDOW_BARS * step_ms
            stored = await asyncio.to_thread(self.archive.read, symbol, tail_ms, known_ms)
            intake.judge.learn(symbol, stored)
        if since_ms > self.until_ms:
            return None
        is_listed = known_ms is not None
        try:
            arrived = await intake.collect(symbol, since_ms, self.until_ms, listed=is_listed)
        except MarketDataError as error:
            return f"{symbol}: {error}"
        await asyncio.to_thread(self.archive.add, {symbol: arrived.candles}, arrived.gaps)
        on_coin(symbol, len(arrived.candles), len(arrived.gaps))
        return _problems(arrived)

    async def back(self, symbols: Sequence[str], on_part: Fetched) -> list[str]:
        """From the oldest stored candle of each coin, all coins a part at a time."""
        part_ms = PART_BARS * self.settings.timeframe.ms
        oldest = {each: at for each, at in self.archive.oldest_opens().items() if each in symbols}
        total = max((-(-(at - self.since_ms) // part_ms) for at in oldest.values()), default=0)
        problems, done, intake = list[str](), 0, self.intake()
        while oldest := {each: at for each, at in oldest.items() if at > self.since_ms}:
            parts = (self._part(intake, *coin, part_ms) for coin in oldest.items())
            found = await asyncio.gather(*parts)
            reached = dict(zip(oldest, found, strict=True))
            problems += [each for each in found if isinstance(each, str)]
            oldest = {each: at for each, at in reached.items() if isinstance(at, int)}
            done += 1
            if oldest:
                on_part(min(oldest.values()), done, max(done, total))
        return problems

    async def _part(
        self, intake: CandleIntake, symbol: str, oldest_ms: int, part_ms: int
    ) -> int | str | None:
        """The oldest open time now; None where nothing is before, a line where it failed.

        The oldest stored candles are read again: replies that have them with other prices are of
        something else, and a candle missing before them is a gap.
        """
        since_ms = max(self.since_ms, oldest_ms - part_ms)
        until_ms = oldest_ms + (AGAIN_BARS - 1) * self.settings.timeframe.ms
        span = symbol, oldest_ms, until_ms
        known = await asyncio.to_thread(partial(self.archive.read, *span, revised=True))
        try:
            arrived = await intake.collect(symbol, since_ms, oldest_ms, listed=False, known=known)
        except MarketDataError as error:
            return f"{symbol}: {error}"
        earlier = [each for each in arrived.candles if each.open_ms < oldest_ms]
        if not (earlier and arrived.complete):
            return _problems(arrived)
        await asyncio.to_thread(self.archive.add, {symbol: earlier}, arrived.gaps)
        return earlier[0].open_ms


def _problems(arrived: Arrived) -> str | None:
    doubts = [each.reason for each in arrived.doubts if each.became == "quarantined"]
    found = doubts if arrived.complete else [*doubts, arrived.why]
    return "; ".join(filter(None, found)) or None
