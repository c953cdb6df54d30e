"""Follows every open signal candle by candle and settles it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import NamedTuple

from crypto_bot.domain.candle import Candle
from crypto_bot.domain.market import Bar
from crypto_bot.domain.outcome import Outcome, barriers, decided, settle
from crypto_bot.domain.signal import Role, Signal
from crypto_bot.domain.timeframe import Timeframe
from crypto_bot.engine.track_record import TrackRecord
from crypto_bot.labels.registered import class_after


class _Open(NamedTuple):
    """An open signal; a candle ends it that reaches a barrier or its last candle."""

    lower: float
    upper: float
    expiry_ms: int
    signal: Signal


class _Coin:
    """The open signals of one coin, oldest first, and every candle since the oldest of them."""

    def __init__(self, timeframe: Timeframe) -> None:
        self._timeframe = timeframe
        self._open: list[_Open] = []
        self._path: list[Candle] = []
        self._due_ms = 0

    def restore(self, signals: Sequence[Signal], path: Sequence[Candle], newest_ms: int) -> None:
        self._path = list(path)
        self._due_ms = newest_ms + self._timeframe.ms
        for signal in signals:
            self.add(signal)

    def add(self, signal: Signal) -> None:
        lower, upper = barriers(signal)
        expiry_ms = signal.candle_open_ms + signal.horizon_bars * self._timeframe.ms
        self._open.append(_Open(lower, upper, expiry_ms, signal))

    def advance(self, candle: Candle) -> list[tuple[Signal, Outcome]]:
        open_ms, _, high, low, _, _ = candle
        if open_ms != self._due_ms:
            # A candle is missing: these signals stay open in the store until it is imported.
            self._open.clear()
            self._path.clear()
        self._due_ms = open_ms + self._timeframe.ms
        self._path.append(candle)
        ended = [
            signal
            for lower, upper, expiry_ms, signal in self._open
            if low <= lower or high >= upper or open_ms >= expiry_ms
        ]
        if not ended:
            return []
        self._open = [
            each
            for each in self._open
            if low > each.lower and high < each.upper and open_ms < each.expiry_ms
        ]
        settled = [(signal, self._outcome(signal)) for signal in ended]
        self._path = self._since(self._open[0].signal) if self._open else []
        return settled

    def _outcome(self, signal: Signal) -> Outcome:
        outcome = decided(signal, self._since(signal), self._timeframe, class_after)
        assert outcome is not None, f"{signal.id}: its bounds were reached and nothing was decided"
        return outcome

    def _since(self, signal: Signal) -> list[Candle]:
        """The candles after that of `signal`."""
        count = (self._due_ms - signal.candle_open_ms) // self._timeframe.ms - 1
        return self._path[-count:]


class LiveTracker:
    """Open signals of all coins in every role; outcomes of served ones are added to the record."""

    def __init__(self, timeframe: Timeframe, record: TrackRecord) -> None:
        self._timeframe = timeframe
        self._record = record
        self._coins = defaultdict[str, _Coin](partial(_Coin, timeframe))

    def restore(
        self,
        unsettled: Sequence[Signal],
        newest_ms: Mapping[str, int],
        path_of: Callable[[Signal], Sequence[Candle]],
    ) -> list[Outcome]:
        """Resumes the open signals after a restart; `unsettled` is oldest first.

        `newest_ms` is the newest candle of each coin that has a signal, and `path_of` gives the
        stored candles after a signal up to that one, or to its horizon. Returns outcomes that
        those candles already decide (a missing candle has been imported since), to be committed.
        """
        outcomes: list[Outcome] = []
        still_open: dict[str, list[Signal]] = {}
        paths: dict[str, Sequence[Candle]] = {}
        for signal in unsettled:
            path = path_of(signal)
            outcome = settle(signal, path, self._timeframe, class_after)
            if outcome is not None:
                outcomes.append(self._counted(signal, outcome))
            elif newest_ms[signal.symbol] == signal.candle_open_ms + len(path) * self._timeframe.ms:
                still_open.setdefault(signal.symbol, []).append(signal)
                paths.setdefault(signal.symbol, path)
        self._coins.clear()
        for symbol, signals in still_open.items():
            self._coins[symbol].restore(signals, paths[symbol], newest_ms[symbol])
        return outcomes

    def advance(self, bar: Bar) -> list[Outcome]:
        """Settles the signals that the candles of `bar` decide."""
        outcomes: list[Outcome] = []
        for symbol, candle in bar.candles.items():
            for signal, outcome in self._coins[symbol].advance(candle):
                outcomes.append(self._counted(signal, outcome))
        return outcomes

    def open(self, signals: Sequence[Signal]) -> None:
        """Follows new signals, made at the close of the newest candle of their coin."""
        for signal in signals:
            self._coins[signal.symbol].add(signal)

    def _counted(self, signal: Signal, outcome: Outcome) -> Outcome:
        side = outcome.side
        is_call = outcome.correct is not None
        if side is not None and signal.role is Role.CHAMPION:
            self._record.learn(signal, side, outcome.settled_ms)
            if is_call:
                self._record.add(signal, side, outcome.settled_ms)
        return outcome
