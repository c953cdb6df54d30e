"""Features of many coins at each close, one candle of each at a time."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from crypto_bot.domain.candle import Candle
from crypto_bot.domain.market import Bar
from crypto_bot.domain.timeframe import Timeframe
from crypto_bot.features import lead
from crypto_bot.features.kernel import FeatureRows, bar_numbers, series
from crypto_bot.features.sets import FeatureSet
from crypto_bot.features.tape import BAR, PLACE, RING, RUN, new_tape
from crypto_bot.features.windows import Feed, Floats, Integers


class LiveFeatures:
    """A memory of coins that gives the rows of `kernel.batch`, bit by bit, as candles close.

    Every row is a pure function of the last `history_bars` candles of the coin and of the leader:
    how they came in, one by one or with `preload`, before or after a restart, changes nothing. A
    coin that comes later than the leader still meets the leader's row of its own time.
    """

    def __init__(self, features: FeatureSet, timeframe: Timeframe, symbols: Sequence[str]) -> None:
        self._features = features
        self._timeframe = timeframe
        self._coins = {symbol: coin for coin, symbol in enumerate(symbols)}
        self._tape = features.new_tape(len(symbols))
        self._lead_tape = new_tape(1)
        self._leads = np.zeros((RING, lead.COLUMNS))
        self._lead_bars = np.full(RING, -1, np.int64)
        self._lead_runs = np.zeros(RING, np.int64)

    @property
    def history_bars(self) -> int:
        """As many candles of each coin and of the leader bring a fresh memory to the same bits."""
        return self._features.history_bars

    @property
    def symbols(self) -> tuple[str, ...]:
        """The coins, in the order of the rows."""
        return tuple(self._coins)

    def preload(self, symbol: str, candles: Sequence[Candle]) -> None:
        """Replaces what is remembered of `symbol`, a coin or the leader, by `candles`, ascending.

        Raises BadCandles where they cannot be true.
        """
        told = series(candles)
        bars = bar_numbers(told, self._timeframe, symbol)
        if symbol == self._features.leader:
            self._lead_tape.marks[:] = 0
            self._lead_bars[:] = -1
            self._follow_leader(bars, told.candles)
        coin = self._coins.get(symbol)
        if coin is None:
            return
        self._tape.marks[coin] = 0
        unknown = np.zeros((bars.shape[0], lead.COLUMNS))
        rows = np.empty((bars.shape[0], len(self._features.columns)))
        feed = self._feed(bars, told.candles, unknown)
        self._features.advance(self._tape, coin, feed, rows, np.empty(bars.shape[0], np.bool_))

    def update(self, bar: Bar) -> FeatureRows:
        """Takes the candles of `bar` in; one row for each coin, not valid where it has no candle.

        The leader's candle belongs among them, in this bar or an earlier call. Raises ValueError,
        and takes nothing in, where a candle is not newer than the one before it.
        """
        number = bar.open_ms // self._timeframe.ms
        self._require_new(bar, number)
        bars = np.array([number], np.int64)
        if self._features.leader in bar.candles:
            self._follow_leader(bars, np.array([bar.candles[self._features.leader][1:]]))
        leads = np.zeros((1, lead.COLUMNS))
        if self._lead_bars[number & PLACE] == number:
            leads[0] = self._leads[number & PLACE]
        rows = np.full((len(self._coins), len(self._features.columns)), np.nan)
        valid = np.zeros(len(self._coins), np.bool_)
        for symbol, coin in self._coins.items():
            if symbol in bar.candles:
                feed = self._feed(bars, np.array([bar.candles[symbol][1:]]), leads)
                own = slice(coin, coin + 1)
                self._features.advance(self._tape, coin, feed, rows[own], valid[own])
        return FeatureRows(rows, valid)

    def why_not_valid(self, symbol: str) -> str:
        """Why the newest row of `symbol` is not valid, in words, with the candles it would need."""
        features, marks = self._features, self._tape.marks[self._coins[symbol]]
        runs = {symbol: int(marks[RUN])}
        place = marks[BAR] & PLACE
        if features.leader is not None and self._lead_bars[place] == marks[BAR]:
            runs.setdefault(features.leader, int(self._lead_runs[place]))
        for name, run in runs.items():
            if run < features.warm_up_bars:
                return (
                    f"{name} has {run} candles since its last gap, "
                    f"{features.name} needs {features.warm_up_bars}"
                )
        missing = [symbol, features.leader or symbol]
        return f"a candle of {' or '.join(dict.fromkeys(missing))} is missing at this close"

    def _require_new(self, bar: Bar, number: int) -> None:
        newest = {
            symbol: self._tape.marks[coin]
            for symbol, coin in self._coins.items()
            if symbol in bar.candles
        }
        if self._features.leader in bar.candles:
            newest.setdefault(self._features.leader, self._lead_tape.marks[0])
        for symbol, marks in newest.items():
            if marks[RUN] > 0 and number <= marks[BAR]:
                raise ValueError(f"{symbol}: candle {bar.open_ms} is not a new one")

    def _follow_leader(self, bars: Integers, candles: Floats) -> None:
        rows = np.empty((bars.shape[0], lead.COLUMNS))
        lead.lead(self._lead_tape, bars, candles, rows)
        kept = slice(max(0, bars.shape[0] - RING), None)
        self._leads[bars[kept] & PLACE] = rows[kept]
        self._lead_bars[bars[kept] & PLACE] = bars[kept]
        self._lead_runs[bars[kept] & PLACE] = self._runs(bars)[kept]

    def _runs(self, bars: Integers) -> Integers:
        """How many candles of the leader follow one another up to each of `bars`."""
        starts = np.flatnonzero(np.diff(bars, prepend=-1) != 1)
        at = np.arange(bars.size)
        runs: Integers = at + 1 - np.append(0, starts)[np.searchsorted(starts, at, side="right")]
        if bars.size:  # the tape knows what came before the last of them
            newest = slice(starts[-1] if starts.size else 0, None)
            runs[newest] += self._lead_tape.marks[0, RUN] - runs[-1]
        return runs

    def _feed(self, bars: Integers, candles: Floats, leads: Floats) -> Feed:
        return Feed(bars, candles, np.zeros(bars.shape[0], np.bool_), leads, self._timeframe.ms)
