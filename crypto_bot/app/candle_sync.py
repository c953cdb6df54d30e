"""Candles fetched into the archive: from the exchange, or daily ones from CryptoCompare."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import NamedTuple

from crypto_bot.adapters.store.candle_archive import SqlCandleArchive
from crypto_bot.app.market import Market, open_market
from crypto_bot.app.market_data import read_daily_candles
from crypto_bot.app.settings import Settings
from crypto_bot.domain.errors import ConfigError, MarketDataError
from crypto_bot.domain.instant import instant
from crypto_bot.domain.plausibility import WINDOW_BARS, Plausibility
from crypto_bot.engine.candle_intake import CandleIntake
from crypto_bot.engine.revisions import AGAIN_BARS

CRYPTOCOMPARE = "cryptocompare"
"""As the id of an exchange: its daily candles, which no ccxt exchange has."""
Arrived = Callable[[str, int, int], None]
"""Called with each coin, its candles and gaps."""


def fetch_history(
    settings: Settings,
    archive: SqlCandleArchive,
    symbols: Sequence[str],
    since_ms: int,
    on_coin: Arrived,
) -> list[str]:
    """Brings coins without candles from `since_ms` up to date; a line for each that failed.

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
            judge = Plausibility(timeframe)
            judge.learn(symbol, held)
            foreign = [
                each
                for each in found
                if each.open_ms in stored and judge.differs(symbol, each, stored[each.open_ms])
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
    on_coin: Arrived,
) -> list[str]:
    """Fetches up to the newest closed candle; a line for each coin that failed.

    `since_of(until_ms)`: where coins without candles begin. Raises ConfigError, MarketDataError.
    """
    timeframe = settings.timeframe
    async with _opened(settings, archive, symbols) as market:
        poll_ms = int(settings.exchange.poll_s * 1000)
        intake = CandleIntake(timeframe, market.feed, market.clock, grace_ms=0, poll_ms=poll_ms)
        until_ms = timeframe.last_closed(market.clock.now_ms())
        newest = archive.newest_opens(until_ms)
        first_ms = since_of(until_ms)

        async def fetch(symbol: str) -> str | None:
            known_ms = newest.get(symbol)
            since_ms = first_ms if known_ms is None else known_ms + timeframe.ms
            if since_ms > until_ms:
                return None
            is_listed = known_ms is not None
            if known_ms is not None:
                tail_ms = known_ms - WINDOW_BARS * timeframe.ms
                stored = await asyncio.to_thread(archive.read, symbol, tail_ms, known_ms)
                intake.judge.learn(symbol, stored)
            again = AGAIN_BARS if is_listed else 0
            try:
                arrived = await intake.collect(
                    symbol, since_ms, until_ms, listed=is_listed, again=again
                )
            except MarketDataError as error:
                return f"{symbol}: {error}"
            await asyncio.to_thread(archive.add, {symbol: arrived.candles}, arrived.gaps)
            on_coin(symbol, len(arrived.candles), len(arrived.gaps))
            doubts = [each.reason for each in arrived.doubts if each.became == "quarantined"]
            problems = doubts if arrived.complete else [*doubts, arrived.why]
            return "; ".join(filter(None, problems)) or None

        fetched = await asyncio.gather(*map(fetch, symbols))
    return [each for each in fetched if each is not None]
