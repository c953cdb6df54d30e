"""What is stored of each coin, what is missing in between, and what cannot be true."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from crypto_bot.adapters.store.candle_archive import EVER_MS
from crypto_bot.domain.candle import Candle, faults
from crypto_bot.domain.stamp import impossible
from crypto_bot.domain.timeframe import Timeframe
from crypto_bot.ports import CandleArchive


@dataclass(frozen=True, slots=True)
class GapReport:
    """The stored candles of one symbol from the first to the last; times are None without rows.

    `confirmed` of the `missing_bars` are known not to exist at the exchange.
    """

    symbol: str
    rows: int
    first_open_ms: int | None
    last_open_ms: int | None
    gaps: int
    missing_bars: int
    confirmed: int
    longest_gap_bars: int
    longest_gap_open_ms: int | None
    """The first missing candle of the longest gap, the earliest of equals."""
    impossible: tuple[int, ...] = ()
    """Times of rows that cannot be true. They count in nothing above."""
    why: str = ""
    """Of the first of them: what is wrong with it."""


def check(
    archive: CandleArchive,
    timeframe: Timeframe,
    symbols: Sequence[str] | None,
    now_ms: int,
) -> list[GapReport]:
    """A report for each of `symbols`, None for all that are stored. Raises StoreError.

    A row that opens after `now_ms` cannot be true.
    """
    confirmed: dict[str, list[int]] = {}
    for symbol, open_ms in archive.gaps(0):
        confirmed.setdefault(symbol, []).append(open_ms)
    wanted = sorted(archive.newest_opens()) if symbols is None else symbols
    return [
        _check(archive, timeframe, symbol, confirmed.get(symbol, []), now_ms) for symbol in wanted
    ]


def _check(
    archive: CandleArchive,
    timeframe: Timeframe,
    symbol: str,
    confirmed: Sequence[int],
    now_ms: int,
) -> GapReport:
    rows = archive.read(symbol, -EVER_MS, EVER_MS, revised=True)
    wrong = _wrong(rows, timeframe, now_ms)
    wrong |= {at: why for at in confirmed if (why := impossible(at, now_ms)) is not None}
    bad = tuple(sorted(wrong))
    why = wrong[bad[0]] if bad else ""
    opens = [row.open_ms for row in rows if row.open_ms not in wrong]
    if not opens:
        return GapReport(symbol, 0, None, None, 0, 0, 0, 0, None, bad, why)
    first, last = opens[0], opens[-1]
    gaps = [
        ((after - before) // timeframe.ms - 1, before + timeframe.ms)
        for before, after in pairwise(opens)
        if after - before > timeframe.ms
    ]
    longest, longest_open = max(gaps, key=lambda gap: (gap[0], -gap[1]), default=(0, None))
    return GapReport(
        symbol=symbol,
        rows=len(opens),
        first_open_ms=first,
        last_open_ms=last,
        gaps=len(gaps),
        missing_bars=sum(bars for bars, _ in gaps),
        confirmed=sum(first <= open_ms <= last for open_ms in confirmed),
        longest_gap_bars=longest,
        longest_gap_open_ms=longest_open,
        impossible=bad,
        why=why,
    )


def _wrong(rows: Sequence[Candle], timeframe: Timeframe, now_ms: int) -> dict[int, str]:
    """By open time what is wrong with a row that cannot be true."""
    found = {
        row.open_ms: why for row in rows if (why := impossible(row.open_ms, now_ms)) is not None
    }
    for kind, number in faults(rows, timeframe):
        found.setdefault(rows[number].open_ms, f"{kind} {rows[number]}")
    return found
