"""One closed candle of all the coins, from the candles to the committed signals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from crypto_bot.domain.market import Bar
from crypto_bot.domain.outcome import Outcome
from crypto_bot.domain.signal import Signal, is_served
from crypto_bot.domain.timeframe import Timeframe
from crypto_bot.engine.live_tracker import LiveTracker
from crypto_bot.engine.signal_engine import SignalEngineService
from crypto_bot.ports import Clock, Commits, MarketViews, SignalSink, StoredSignal


class CycleResult(NamedTuple):
    """What one bar brought, as committed."""

    signals: list[StoredSignal]
    outcomes: list[Outcome]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Cycle:
    """`run(bar)` is the product: live, catch-up, replay and backtest are this call.

    What it stores depends on the candles alone; the clock gives `created_ms` and `late`, nothing
    else.
    """

    timeframe: Timeframe
    clock: Clock
    views: MarketViews
    tracker: LiveTracker
    engine: SignalEngineService
    commits: Commits
    sinks: Sequence[SignalSink] = ()
    late_after_ms: int

    def run(self, bar: Bar) -> CycleResult:
        """Settles, measures, signals and commits; then calls the sinks, then asks challengers.

        For each coin, bars must come in ascending order; a coin may be absent from a bar and come
        later by itself. Raises StoreError: the caller must then restart from the store.
        """
        outcomes = self.tracker.advance(bar)
        views = self.views.update(bar)
        stored = self._stored(bar, self.engine.signals(views))
        self.commits.commit(stored, outcomes)
        served = [outcome for outcome in outcomes if is_served(outcome.prediction_id)]
        for sink in self.sinks:
            sink.committed(stored, served)
        # Nobody waits for these.
        if challenges := self._stored(bar, self.engine.challenges(views)):
            self.commits.commit(challenges, [])
        return CycleResult(stored, outcomes)

    def _stored(self, bar: Bar, signals: Sequence[Signal]) -> list[StoredSignal]:
        """The signals as they are committed now; they are followed from here on."""
        self.tracker.open(signals)
        now_ms = self.clock.now_ms()
        late = now_ms - self.timeframe.close_of(bar.open_ms) > self.late_after_ms
        return [StoredSignal(signal, now_ms, late) for signal in signals]
