"""Follows every open signal candle by candle and settles it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import inf
from typing import NamedTuple

from crypto_bot.domain.candle import Candle
from crypto_bot.domain.market import Bar
from crypto_bot.domain.outcome import Outcome, barriers, settle
from crypto_bot.domain.signal import Signal
from crypto_bot.domain.timeframe import Timeframe
from crypto_bot.services.track_record import TrackRecord


class _Bounds(NamedTuple):
    """What a candle must reach to end a signal: a price, or the last candle of its horizon."""

    lower: float
    upper: float
    expiry_ms: float

    def reached_by(self, candle: Candle) -> bool:
        return (
            candle.low <= self.lower
            or candle.high >= self.upper
            or candle.open_ms >= self.expiry_ms
        )

    def nearer(self, other: _Bounds) -> _Bounds:
        return _Bounds(
            max(self.lower, other.lower),
            min(self.upper, other.upper),
            min(self.expiry_ms, other.expiry_ms),
        )


_UNBOUNDED = _Bounds(-inf, inf, inf)


class _Coin:
    """The open signals of one coin, oldest first, and the candles since the oldest of them."""

    def __init__(self, timeframe: Timeframe) -> None:
        self._timeframe = timeframe
        self._open: list[tuple[_Bounds, Signal]] = []
        self._path: list[Candle] = []
        self._nearest = _UNBOUNDED

    def restore(self, signals: Sequence[Signal], path: Sequence[Candle]) -> None:
        self._path = list(path)
        for signal in signals:
            self.add(signal)

    def add(self, signal: Signal) -> None:
        lower, upper = barriers(signal)
        expiry_ms = signal.candle_open_ms + signal.horizon_bars * self._timeframe.ms
        bounds = _Bounds(lower, upper, expiry_ms)
        self._open.append((bounds, signal))
        self._nearest = self._nearest.nearer(bounds)

    def advance(self, candle: Candle) -> list[tuple[Signal, Outcome]]:
        if self._path and candle.open_ms != self._path[-1].open_ms + self._timeframe.ms:
            # A candle is missing: what is open stays open, in the store, until it is imported.
            self._open.clear()
            self._path.clear()
            self._nearest = _UNBOUNDED
        self._path.append(candle)
        if not self._nearest.reached_by(candle):
            return []
        settled: list[tuple[Signal, Outcome]] = []
        still_open: list[tuple[_Bounds, Signal]] = []
        self._nearest = _UNBOUNDED
        for bounds, signal in self._open:
            outcome = self._settled(signal) if bounds.reached_by(candle) else None
            if outcome is None:
                still_open.append((bounds, signal))
                self._nearest = self._nearest.nearer(bounds)
            else:
                settled.append((signal, outcome))
        self._open = still_open
        self._forget_path()
        return settled

    def _settled(self, signal: Signal) -> Outcome | None:
        first = (signal.candle_open_ms - self._path[0].open_ms) // self._timeframe.ms + 1
        return settle(signal, self._path[first:], self._timeframe)

    def _forget_path(self) -> None:
        oldest_ms = self._open[0][1].candle_open_ms if self._open else self._path[-1].open_ms
        # After a restart the path begins with the candle behind the oldest signal.
        del self._path[: max(0, (oldest_ms - self._path[0].open_ms) // self._timeframe.ms)]


class LiveTracker:
    """Open signals of all coins; what they become is added to the record."""

    def __init__(self, timeframe: Timeframe, record: TrackRecord) -> None:
        self._timeframe = timeframe
        self._record = record
        self._coins: dict[str, _Coin] = {}

    def restore(
        self,
        unsettled: Sequence[Signal],
        newest_ms: Mapping[str, int],
        path_of: Callable[[Signal], Sequence[Candle]],
    ) -> list[Outcome]:
        """Takes the open signals up again after a restart; `unsettled` is oldest first.

        `newest_ms` is the newest candle of each coin that has a signal, and `path_of` gives the
        stored candles after a signal up to that one, or to its horizon. Returns outcomes that
        those candles already decide (a missing candle has been imported since), to be committed.
        """
        outcomes: list[Outcome] = []
        still_open: dict[str, list[Signal]] = {}
        paths: dict[str, Sequence[Candle]] = {}
        for signal in unsettled:
            path = path_of(signal)
            outcome = settle(signal, path, self._timeframe)
            if outcome is not None:
                outcomes.append(self._counted(signal, outcome))
            elif newest_ms[signal.symbol] == signal.candle_open_ms + len(path) * self._timeframe.ms:
                still_open.setdefault(signal.symbol, []).append(signal)
                paths.setdefault(signal.symbol, path)
        self._coins = {symbol: _Coin(self._timeframe) for symbol in still_open}
        for symbol, signals in still_open.items():
            self._coins[symbol].restore(signals, paths[symbol])
        return outcomes

    def advance(self, bar: Bar) -> list[Outcome]:
        """Settles what the candles of `bar` decide."""
        outcomes: list[Outcome] = []
        for symbol, candle in bar.candles.items():
            for signal, outcome in self._coin(symbol).advance(candle):
                outcomes.append(self._counted(signal, outcome))
        return outcomes

    def open(self, signals: Sequence[Signal]) -> None:
        """Follows new signals, made at the close of the newest candle of their coin."""
        for signal in signals:
            self._coin(signal.symbol).add(signal)

    def _coin(self, symbol: str) -> _Coin:
        coin = self._coins.get(symbol)
        if coin is None:
            coin = self._coins[symbol] = _Coin(self._timeframe)
        return coin

    def _counted(self, signal: Signal, outcome: Outcome) -> Outcome:
        if outcome.label is not None:
            self._record.add(signal, outcome.label, outcome.settled_ms)
        return outcome
