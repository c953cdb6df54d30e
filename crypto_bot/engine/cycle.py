"""One closed candle of all the coins, from the candles to the committed signals."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from crypto_bot.domain.market import Bar
from crypto_bot.domain.outcome import Outcome
from crypto_bot.domain.signal import is_served
from crypto_bot.domain.timeframe import Timeframe
from crypto_bot.engine.live_tracker import LiveTracker
from crypto_bot.engine.signal_engine import SignalEngineService
from crypto_bot.ports import Clock, Commits, MarketViews, SignalSink, StoredSignal


class CycleResult(NamedTuple):
    """What one bar brought, as committed."""

    signals: list[StoredSignal]
    outcomes: list[Outcome]


class Cycle:
    """`run(bar)` is the product: live, catch-up, replay and backtest are this call.

    What it stores depends on the candles alone; the clock gives `created_ms` and `late`, nothing
    else.
    """

    def __init__(
        self,
        *,
        timeframe: Timeframe,
        clock: Clock,
        views: MarketViews,
        tracker: LiveTracker,
        engine: SignalEngineService,
        commits: Commits,
        sinks: Sequence[SignalSink] = (),
        late_after_ms: int,
    ) -> None:
        self._timeframe = timeframe
        self._clock = clock
        self._views = views
        self._tracker = tracker
        self._engine = engine
        self._commits = commits
        self._sinks = tuple(sinks)
        self._late_after_ms = late_after_ms

    def run(self, bar: Bar) -> CycleResult:
        """Settles, measures, signals and commits; then calls the sinks.

        For each coin, bars must come in ascending order; a coin may be absent from a bar and come
        later by itself. Raises StoreError: the caller must then restart from the store.
        """
        outcomes = self._tracker.advance(bar)
        signals = self._engine.signals(self._views.update(bar))
        self._tracker.open(signals)
        now_ms = self._clock.now_ms()
        late = now_ms - self._timeframe.close_of(bar.open_ms) > self._late_after_ms
        stored = [StoredSignal(signal, now_ms, late) for signal in signals]
        self._commits.commit(stored, outcomes)
        served = [outcome for outcome in outcomes if is_served(outcome.prediction_id)]
        for sink in self._sinks:
            sink.committed(stored, served)
        return CycleResult(stored, outcomes)
