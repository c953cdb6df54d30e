"""Runs all bars that are due, in order: start-up, live close and recovery are one path."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from crypto_bot.domain.candle import Candle
from crypto_bot.domain.errors import MarketDataError
from crypto_bot.domain.market import Bar
from crypto_bot.domain.plausibility import WINDOW_BARS
from crypto_bot.domain.signal import Signal
from crypto_bot.domain.timeframe import Timeframe
from crypto_bot.engine.candle_intake import Arrived, CandleIntake, Doubt
from crypto_bot.engine.cycle import Cycle
from crypto_bot.engine.health import Loading, Pace
from crypto_bot.engine.live_tracker import LiveTracker
from crypto_bot.engine.revisions import Revisions
from crypto_bot.engine.track_record import TrackRecord
from crypto_bot.ports import CandleArchive, MarketViews, ModelSource, PredictionStore

_HISTORIES_AT_ONCE = 4
_HISTORY_PATIENCE = 10
"""Factor on the patience while coins have no history: their bars are run in one go."""
_INCOMPLETE = "the exchange has not delivered its newest candles"
_LEADER_BARS = 96


class Round(NamedTuple):
    """The result of one call of `CatchUp.to`."""

    bars: int
    """Bars run, each with the coins that had one."""
    signals: int
    newest_ms: int | None
    """Open of the newest candle with signals."""
    cycle_s: float
    """Seconds from the last reply to the last commit, the longest of the waves."""
    owed: dict[str, str]
    """Coins that are not up to date, each with the reason."""
    revised: dict[str, int]
    """How many candles the exchange has changed since they were stored, by coin."""
    doubts: list[Doubt]


@dataclass(eq=False, kw_only=True)
class CatchUp:
    """Keeps every coin's signals complete up to a given candle.

    Coins are independent: one without candles falls behind alone and catches up in its own order;
    `_ready_ms` is how far the others may run meanwhile. Where the `models` have a leading coin, no
    bar of another coin is run before the leader has that candle or a confirmed gap: signals must
    not depend on the leader's candle being a second late. A leader that is more than
    `_LEADER_BARS` behind at the end of a round is not waited for, nor one that does not trade.
    `recover` rebuilds all state from the store.
    """

    symbols: Sequence[str]
    timeframe: Timeframe
    intake: CandleIntake
    archive: CandleArchive
    store: PredictionStore
    views: MarketViews
    tracker: LiveTracker
    record: TrackRecord
    cycle: Cycle
    timer: Callable[[], float]
    record_bars: int
    patience_s: float
    models: ModelSource | None = None

    def __post_init__(self) -> None:
        self._first_bar_ms = 0
        self._until_ms = 0
        self._round_over = False
        self._asked: set[str] = set()
        self._archived: dict[str, int] = {}
        self._signalled: dict[str, int] = {}
        self._pending: dict[str, list[Candle]] = {}
        self._revisions = Revisions(self.archive, self.cycle.clock)
        self._pace = Pace(self.timer)
        self._stopping = threading.Event()
        self._working = threading.Lock()

    def recover(self, until_ms: int) -> None:
        """Rebuilds everything from the store.

        On its first start the engine begins `record_bars` before `until_ms`, so that its sources
        have a record before their first live signal. Raises StoreError.
        """
        tf_ms = self.timeframe.ms
        self._first_bar_ms = self.store.first_bar(until_ms - (self.record_bars - 1) * tf_ms)
        self._pending = {}
        # What opens later cannot be true: it is not believed, nor does it stop the fetching.
        self._archived = self.archive.newest_opens(until_ms)
        newest = self.store.newest_opens()
        self._signalled = {
            symbol: newest.get(symbol, self._first_bar_ms - tf_ms) for symbol in self.symbols
        }
        recent_ms = min(self._signalled.values(), default=0) - self.record.lag_ms
        self.record.recover(self.store, recent_ms)
        unsettled = [s for s in self.store.unsettled() if s.symbol in self._signalled]
        outcomes = self.tracker.restore(unsettled, self._signalled, self._path_of)
        self.store.commit([], outcomes)
        for symbol in [each for each in self.symbols if each in self._archived]:
            self._prime(symbol)

    async def to(self, until_ms: int) -> Round:
        """Fetches, archives and signals everything up to the candle that opens at `until_ms`.

        Coins with candles get signals after at most `patience_s` of waiting for the others. Raises
        StoreError.
        """
        self._until_ms, self._round_over = until_ms, False
        owed: dict[str, str] = {}
        done = Round(0, 0, None, 0.0, owed, {}, [])
        places = asyncio.Semaphore(_HISTORIES_AT_ONCE)
        tasks = {
            asyncio.create_task(self._arrivals(symbol, until_ms, places)): symbol
            for symbol in self.symbols
            if self._archived.get(symbol, -1) < until_ms or self._pending.get(symbol)
        }
        waiting = set(tasks)
        self._asked = set(tasks.values())
        unknown = any(symbol not in self._archived for symbol in self.symbols)
        patience_s = self.patience_s * (_HISTORY_PATIENCE if unknown else 1)
        try:
            while waiting and not self._stopping.is_set():
                ready, waiting = await asyncio.wait(waiting, timeout=patience_s)
                arrived: dict[str, Arrived] = {}
                for task in ready:
                    symbol = tasks[task]
                    self._asked.discard(symbol)
                    try:
                        arrived[symbol] = task.result()
                    except MarketDataError as error:
                        owed[symbol] = str(error)
                    else:
                        done.doubts.extend(arrived[symbol].doubts)
                        if not arrived[symbol].complete:
                            owed[symbol] = arrived[symbol].why or _INCOMPLETE
                if arrived:
                    done = await asyncio.to_thread(self._take, arrived, done)
        finally:
            for task in waiting:
                task.cancel()
        if self._stopping.is_set():
            return done
        return await asyncio.to_thread(self._end_round, done)

    def behind(self, until_ms: int) -> dict[str, int]:
        """The number of candles that each coin lacks up to `until_ms`, where it lacks any."""
        return {
            symbol: count
            for symbol, newest_ms in self._signalled.items()
            if (count := (until_ms - newest_ms) // self.timeframe.ms) > 0
        }

    def loading(self) -> Loading:
        """How far the round in progress is, from the first candle of the engine on."""
        tf_ms, before_ms = self.timeframe.ms, self._first_bar_ms - self.timeframe.ms
        known = sum(symbol in self._archived for symbol in self.symbols)
        done = sum((newest - before_ms) // tf_ms for newest in self._signalled.values())
        done //= max(1, len(self._signalled))
        wanted = max(done, (self._until_ms - before_ms) // tf_ms)
        return self._pace.of(Loading(known, len(self.symbols), done, wanted))

    def stop(self, wait_s: float) -> None:
        """Ends the run in progress after its current bar; waits at most `wait_s` for that."""
        self._stopping.set()
        if self._working.acquire(timeout=wait_s):
            self._working.release()

    async def _arrivals(self, symbol: str, until_ms: int, places: asyncio.Semaphore) -> Arrived:
        archived_ms = self._archived.get(symbol)
        if archived_ms is None:
            async with places:
                return await self._history(symbol, until_ms)
        if archived_ms >= until_ms:
            return Arrived([], [], complete=True)
        since_ms = archived_ms + self.timeframe.ms
        return await self.intake.collect(symbol, since_ms, until_ms)

    async def _history(self, symbol: str, until_ms: int) -> Arrived:
        """Fetches and stores the history of a new coin, at once to limit memory."""
        since_ms = self._first_bar_ms - self.views.history_bars * self.timeframe.ms
        arrived = await self.intake.collect(symbol, since_ms, until_ms, listed=False)
        await asyncio.to_thread(self._keep, {symbol: arrived})
        return arrived._replace(candles=[], gaps=[], again=())

    def _keep(self, arrived: dict[str, Arrived]) -> None:
        with self._working:
            self._archive_wave(arrived)

    def _take(self, arrived: dict[str, Arrived], before: Round) -> Round:
        """Archives the candles of some coins and runs the bars that they complete."""
        with self._working:
            started = self.timer()
            self._archive_wave(arrived)
            bars, signals, newest_ms = self._run_pending()
            return before._replace(
                bars=before.bars + bars,
                signals=before.signals + signals,
                newest_ms=newest_ms if newest_ms is not None else before.newest_ms,
                cycle_s=max(before.cycle_s, self.timer() - started),
            )

    def _archive_wave(self, arrived: dict[str, Arrived]) -> None:
        """Stores the candles in one transaction, and queues them for the cycle."""
        self._revisions.take(arrived)
        candles = {symbol: each.candles for symbol, each in arrived.items() if each.candles}
        gaps = [gap for each in arrived.values() for gap in each.gaps]
        if not (candles or gaps):
            return
        self.archive.add(candles, gaps)
        for symbol, each in arrived.items():
            newest = [c.open_ms for c in each.candles[-1:]] + [g.open_ms for g in each.gaps[-1:]]
            if not newest:
                continue
            unknown = symbol not in self._archived
            self._archived[symbol] = max(newest)
            if unknown:
                self._prime(symbol)
            else:
                self.intake.judge.learn(symbol, each.candles)
                self._pending.setdefault(symbol, []).extend(each.candles)

    def _end_round(self, done: Round) -> Round:
        """Runs what waited for other coins in vain, and lets the models compute ahead."""
        self._round_over = True
        if self._pending:
            done = self._take({}, done)
        for symbol in self._pending:
            done.owed.setdefault(symbol, "its candles wait for those of the leading coin")
        if self.models is not None:
            self.models.prepare()
        done.revised.update(self._revisions.store())
        return done

    def _run_pending(self) -> tuple[int, int, int | None]:
        bars = signals = 0
        newest_ms: int | None = None
        ready_ms = self._ready_ms()
        by_open: dict[int, dict[str, Candle]] = {}
        held: dict[str, list[Candle]] = {}
        for symbol in self.symbols:
            for candle in self._pending.get(symbol, ()):
                if candle.open_ms <= ready_ms:
                    by_open.setdefault(candle.open_ms, {})[symbol] = candle
                else:
                    held.setdefault(symbol, []).append(candle)
        for open_ms in sorted(by_open):
            if self._stopping.is_set():
                break
            result = self.cycle.run(Bar(open_ms, by_open[open_ms]))
            self._signalled.update(dict.fromkeys(by_open[open_ms], open_ms))
            bars += 1
            signals += len(result.signals)
            newest_ms = open_ms
        self._pending = held
        return bars, signals, newest_ms

    def _ready_ms(self) -> int:
        """The newest candle that may be run: the leader has it, and the record is whole there.

        While a coin is being asked for, the others go no further than a lag beyond it: within that
        its outcomes count for them, and bars so old are in no hurry.
        """
        before_ms = self._first_bar_ms - self.timeframe.ms
        ready_ms = self._until_ms
        for symbol in self._asked:
            ready_ms = min(ready_ms, self._archived.get(symbol, before_ms) + self.record.lag_ms)
        leader = None if self.models is None else self.models.leader
        if leader not in self._signalled or self.intake.feed.halted(leader) is not None:
            return ready_ms
        leader_ms = self._archived.get(leader, before_ms)
        lacking = (self._until_ms - leader_ms) // self.timeframe.ms
        if self._round_over and lacking > _LEADER_BARS:
            return ready_ms
        return min(ready_ms, leader_ms)

    def _prime(self, symbol: str) -> None:
        """Loads what the views need to remember, and queues the candles that have no signal yet."""
        predicted_ms = self._signalled[symbol]
        before_ms = predicted_ms - self.views.history_bars * self.timeframe.ms
        history = self.archive.read(symbol, before_ms, predicted_ms)
        self.views.preload(symbol, history)
        queued = self.archive.read(symbol, predicted_ms + self.timeframe.ms, self._archived[symbol])
        self.intake.judge.learn(symbol, [*history[-WINDOW_BARS:], *queued])
        if queued:
            self._pending[symbol] = queued

    def _path_of(self, signal: Signal) -> list[Candle]:
        tf_ms, at_ms = self.timeframe.ms, signal.candle_open_ms
        until_ms = min(at_ms + signal.horizon_bars * tf_ms, self._signalled[signal.symbol])
        return self.archive.read(signal.symbol, at_ms + tf_ms, until_ms)
