"""The live record by day (`ports.DayRecord`) of signals in columns."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from crypto_bot.backtesting.columns import SOURCES, CoinCalls
from crypto_bot.domain.instant import DAY_MS
from crypto_bot.domain.timeframe import Timeframe
from crypto_bot.market_data.observations import Booleans, Floats
from crypto_bot.ports import DayRecord
from crypto_bot.statistics.rows import NO_TRADE


def day_records(
    held: Mapping[str, CoinCalls], timeframe: Timeframe, cost_bps: float
) -> list[DayRecord]:
    """Sums over the settled signals of each source, coin and day, in that order of days."""
    found = []
    for symbol, calls in held.items():
        known = np.flatnonzero(calls.counted)
        days = calls.table.open_ms[known] // DAY_MS
        key, group = np.unique(days * len(SOURCES) + calls.source[known], return_inverse=True)
        sums = [
            np.bincount(group, column[known], key.size)
            for column in _columns(calls, timeframe, cost_bps)
        ]
        for at, (day, source) in enumerate(zip(*np.divmod(key, len(SOURCES)), strict=True)):
            n, hits, trades, *rest = (float(each[at]) for each in sums)
            moved, confidence, brier, no_calls, begun, won, won_bps, net_bps = rest
            found.append(
                DayRecord(
                    *(SOURCES[source], symbol, int(day), int(n), int(hits), int(trades)),
                    *(moved, confidence, brier, int(no_calls), int(begun), int(won)),
                    *(won_bps, net_bps),
                )
            )
    return sorted(found, key=lambda row: (row.day, row.source.value, row.symbol))


def begins(calls: CoinCalls, timeframe: Timeframe) -> Booleans:
    """Whether each signal begins an episode (`statistics.episodes`), [n]."""
    first: Booleans = calls.side != 0
    follows = np.diff(calls.table.open_ms) == timeframe.ms
    same = (np.diff(calls.side) == 0) & (np.diff(calls.source) == 0)
    first[1:] &= ~(follows & same)
    return first


def _columns(calls: CoinCalls, timeframe: Timeframe, cost_bps: float) -> tuple[Floats, ...]:
    """What is summed, in the order of the fields of `DayRecord`, [n] each."""
    called = calls.judged
    right = called & (calls.outcomes.side == calls.side)
    rows = np.arange(calls.side.size)
    confidence = calls.p[rows, calls.side + NO_TRADE]
    miss = confidence - right
    begun = begins(calls, timeframe)
    net = calls.outcomes.return_bps - cost_bps
    won = begun & (net > 0.0)
    return (
        *(called.astype(np.float64), right.astype(np.float64), np.abs(calls.side) * 1.0),
        *(calls.outcomes.return_bps, called * confidence, called * miss * miss),
        *((~called).astype(np.float64), begun.astype(np.float64), won.astype(np.float64)),
        *(np.where(won, net, 0.0), np.where(begun, net, 0.0)),
    )
