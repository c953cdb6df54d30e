"""What is stored of each coin, and what is missing in between."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from crypto_bot.adapters.store.candle_archive import EVER_MS
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


def check(
    archive: CandleArchive, timeframe: Timeframe, symbols: Sequence[str] | None
) -> list[GapReport]:
    """A report for each of `symbols`, None for all that are stored. Raises StoreError."""
    confirmed: dict[str, list[int]] = {}
    for symbol, open_ms in archive.gaps(0):
        confirmed.setdefault(symbol, []).append(open_ms)
    wanted = sorted(archive.newest_opens()) if symbols is None else symbols
    return [_check(archive, timeframe, symbol, confirmed.get(symbol, [])) for symbol in wanted]


def _check(
    archive: CandleArchive, timeframe: Timeframe, symbol: str, confirmed: Sequence[int]
) -> GapReport:
    opens = [candle.open_ms for candle in archive.read(symbol, 0, EVER_MS)]
    if not opens:
        return GapReport(symbol, 0, None, None, 0, 0, 0, 0, None)
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
    )
