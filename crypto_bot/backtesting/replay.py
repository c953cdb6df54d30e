"""History through the live cycle, fed from the archive, on its own clock."""

from __future__ import annotations

import gc
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import NamedTuple

from crypto_bot.domain.candle import Candle
from crypto_bot.domain.market import Bar
from crypto_bot.domain.outcome import Outcome
from crypto_bot.domain.timeframe import Timeframe
from crypto_bot.engine.cycle import Cycle
from crypto_bot.ports import CandleArchive, Commits, MarketViews, StoredSignal

CHUNK_BARS = 512
"""Bars read from the archive at once."""


class ReplayClock:
    """Stands at the close of the candle being replayed."""

    def __init__(self) -> None:
        self._now_ms = 0

    def now_ms(self) -> int:
        return self._now_ms

    def real_seconds(self, duration_ms: int) -> float:  # noqa: ARG002 - history takes no time
        return 0.0

    async def sleep(self, duration_ms: int) -> None:
        self._now_ms += duration_ms

    def set(self, now_ms: int) -> None:
        """Moves to the instant `now_ms`."""
        self._now_ms = now_ms


class BatchedCommits:
    """Commits in batches: an interrupted replay is simply run again."""

    def __init__(self, store: Commits, batch: int = 4096) -> None:
        self._store = store
        self._batch = batch
        self._signals: list[StoredSignal] = []
        self._outcomes: list[Outcome] = []

    def commit(self, signals: Sequence[StoredSignal], outcomes: Sequence[Outcome]) -> None:
        """Keeps them until the batch is full. Raises StoreError."""
        self._signals.extend(signals)
        self._outcomes.extend(outcomes)
        if len(self._signals) >= self._batch:
            self.flush()

    def flush(self) -> None:
        """Commits what is kept, in one transaction. Raises StoreError."""
        self._store.commit(self._signals, self._outcomes)
        self._signals.clear()
        self._outcomes.clear()


class Replayed(NamedTuple):
    """The counts of a replay."""

    bars: int
    candles: int


class Engaged(NamedTuple):
    """When the live engine ran the candles of a coin."""

    until_ms: int
    """Open of the newest."""
    caught_up: Sequence[tuple[int, int]] = ()
    """`(since_ms, at_ms)`, ascending: those from `since_ms` on were run with the bar `at_ms`."""

    def run_at(self, open_ms: int) -> int:
        """The bar with which the candle `open_ms` was run."""
        place = bisect_right(self.caught_up, open_ms, key=lambda span: span[0])
        return max(open_ms, self.caught_up[place - 1][1]) if place else open_ms


@contextmanager
def _collector_paused() -> Iterator[None]:
    """Without the garbage collector: a cycle makes no reference cycles.

    Collecting would take a fifth of the time of a replay.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Replay:
    """Runs `cycle` over stored candles. Everything it uses must be new, also the store."""

    symbols: Sequence[str]
    timeframe: Timeframe
    clock: ReplayClock
    archive: CandleArchive
    views: MarketViews
    commits: BatchedCommits
    cycle: Cycle
    engaged: Mapping[str, Engaged] = field(default_factory=dict)
    """Of coins that joined late, left, or were behind; the others are run bar by bar."""

    def run(self, since_ms: int, until_ms: int) -> Replayed:
        """Signals for every candle with open in `[since_ms, until_ms]`, outcomes up to its end.

        Candles before `since_ms` are used as the live engine uses its history. Raises StoreError.
        """
        tf_ms = self.timeframe.ms
        for symbol in self.symbols:
            history_ms = since_ms - self.views.history_bars * tf_ms
            self.views.preload(symbol, self.archive.read(symbol, history_ms, since_ms - tf_ms))
        with _collector_paused():
            bars = candles = 0
            for bar in self._bars(since_ms, until_ms):
                self.clock.set(self.timeframe.close_of(bar.open_ms))
                self.cycle.run(bar)
                bars += 1
                candles += len(bar.candles)
            self.commits.flush()
        return Replayed(bars, candles)

    def _bars(self, since_ms: int, until_ms: int) -> Iterator[Bar]:
        """In the order in which the live engine ran them."""
        span_ms = CHUNK_BARS * self.timeframe.ms
        known = {each: self.engaged.get(each, Engaged(until_ms)) for each in self.symbols}
        waiting: dict[int, dict[int, dict[str, Candle]]] = {}
        for start_ms in range(since_ms, until_ms + 1, span_ms):
            end_ms = min(until_ms, start_ms + span_ms - self.timeframe.ms)
            for symbol, of_coin in known.items():
                for candle in self.archive.read(symbol, start_ms, min(end_ms, of_coin.until_ms)):
                    together = waiting.setdefault(of_coin.run_at(candle.open_ms), {})
                    together.setdefault(candle.open_ms, {})[symbol] = candle
            is_last = end_ms == until_ms
            for at_ms in sorted(each for each in waiting if is_last or each <= end_ms):
                together = waiting.pop(at_ms)
                for open_ms in sorted(together):
                    yield Bar(open_ms, together[open_ms])
