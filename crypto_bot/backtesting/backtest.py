"""A backtest: the engine in columns, and the paper accounts on its signals."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice

import numpy as np

from crypto_bot.backtesting.columns import CoinCalls, ColumnEngine
from crypto_bot.backtesting.ledgers import Ledgers
from crypto_bot.backtesting.settling import OPEN_STILL, Outcomes
from crypto_bot.domain.candle import Candle, Inside, nothing_inside
from crypto_bot.domain.paper import Plan
from crypto_bot.domain.quote import Funding, Instrument
from crypto_bot.engine.paper.price_memory import WINDOW_BARS
from crypto_bot.market_data.candle_table import CandleTable
from crypto_bot.ports import StoredSignal
from crypto_bot.statistics.daily import block_days


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """What a backtest reads: candles by coin, those before its start too, and the exchange's terms.

    `instruments`: tick and lot of each coin; likely ones are taken where they are unknown.
    `inside`: the shorter candles of a coin's candle, all of them or none.
    """

    tables: Mapping[str, CandleTable]
    instruments: Mapping[str, Instrument] = field(default_factory=dict)
    fundings: Sequence[Funding] = ()
    inside: Inside = nothing_inside

    def until(self, until_ms: int) -> Past:
        """What was known once the candle that opens at `until_ms` had closed."""
        kept = {}
        for symbol, table in self.tables.items():
            count = int(np.searchsorted(table.open_ms, until_ms, side="right"))
            if count:
                kept[symbol] = CandleTable(table.open_ms[:count], table.candles[:count])
        fundings = [each for each in self.fundings if each.due_ms <= until_ms]
        return replace(self, tables=kept, fundings=fundings)


@dataclass(frozen=True, slots=True, kw_only=True)
class Backtest:
    """What the engine called from `since_ms` on, by coin."""

    engine: ColumnEngine
    past: Past
    since_ms: int
    calls: Mapping[str, CoinCalls]

    @classmethod
    def run(cls, engine: ColumnEngine, past: Past, since_ms: int, *, threads: int = 1) -> Backtest:
        """Runs the rules, and the models of `engine`, over all coins."""
        calls = engine.run(past.tables, since_ms, threads=threads)
        return cls(engine=engine, past=past, since_ms=since_ms, calls=calls)

    def within(self, since_ms: int, until_ms: int) -> Backtest:
        """The same calls, those of candles that open in `[since_ms, until_ms]` alone."""
        kept = {}
        for symbol, calls in self.calls.items():
            first, last = np.searchsorted(calls.table.open_ms, (since_ms, until_ms + 1)).tolist()
            if first < last:
                kept[symbol] = _cut(calls, slice(first, last))
        return replace(self, since_ms=since_ms, calls=kept)

    @property
    def candles(self) -> int:
        """How many signals there are."""
        return sum(calls.side.size for calls in self.calls.values())

    @property
    def block_days(self) -> int:
        """Days in a block of the intervals: no call reaches beyond the next block."""
        engine, bars = self.engine, [self.engine.horizon_bars]
        if engine.models is not None:
            labels = {each.label for each in engine.models.calls.values()}
            bars += [each.horizon.bars(engine.timeframe) for each in labels]
        return block_days(max(bars) * engine.timeframe.ms)

    def ledgers(
        self,
        plans: Iterable[Plan],
        *,
        late_bars: int = 0,
        opens_ms: Mapping[str, int] | None = None,
    ) -> Ledgers:
        """The accounts of `plans` after the last bar; every fill comes `late_bars` bars later.

        `opens_ms` as in `Ledgers`.
        """
        held = Ledgers(
            plans=tuple(plans),
            timeframe=self.engine.timeframe,
            symbols=tuple(self.past.tables),
            instruments=self.past.instruments,
            fundings=self.past.fundings,
            opens_ms=opens_ms or {},
            inside=self.past.inside,
        )
        bars = self.engine.bars(self.calls)
        waiting = deque[list[StoredSignal]]([] for _ in range(late_bars))
        for bar, calls in islice(bars, 1):
            waiting.append(calls)
            held.begin(bar.open_ms, self._before(bar.open_ms), waiting.popleft())
        for bar, calls in bars:
            waiting.append(calls)
            held.take(bar, waiting.popleft())
        return held

    def _before(self, open_ms: int) -> dict[str, list[Candle]]:
        """The candles of each coin that accounts remember at the close of the bar `open_ms`."""
        since_ms = open_ms - (WINDOW_BARS - 1) * self.engine.timeframe.ms
        tables = self.past.tables.items()
        found = {symbol: table.between(since_ms, open_ms) for symbol, table in tables}
        return {symbol: each for symbol, each in found.items() if each}


def _cut(calls: CoinCalls, part: slice) -> CoinCalls:
    """The calls of consecutive candles; what a later candle settles is open still."""
    table = CandleTable(calls.table.open_ms[part], calls.table.candles[part])
    outcomes = Outcomes._make(each[part] for each in calls.outcomes)
    known = (outcomes.settled != OPEN_STILL) & (outcomes.settled < part.stop)
    settled = np.where(known, outcomes.settled - part.start, OPEN_STILL)
    values = (each[part] for each in calls[1:-1])
    return CoinCalls._make((table, *values, outcomes._replace(settled=settled)))
