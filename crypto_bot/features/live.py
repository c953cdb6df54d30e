"""Features of many coins at each close, updated candle by candle."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from crypto_bot.domain.candle import Candle
from crypto_bot.domain.market import Bar
from crypto_bot.domain.timeframe import Timeframe
from crypto_bot.features import leader as leading
from crypto_bot.features.batch import FeatureRows, bar_numbers, joined, with_coin
from crypto_bot.features.per_coin_v2.memory import BAR, PLACE, RING, RUN, new_memory
from crypto_bot.features.sets import FeatureSet
from crypto_bot.features.windows import Feed, feed_of
from crypto_bot.market_data.candle_table import candle_table
from crypto_bot.market_data.observations import (
    NOTHING,
    Booleans,
    Column,
    Floats,
    Integers,
    as_of,
    read_series,
)
from crypto_bot.ports.market_data import Series


class LiveFeatures:
    """Incremental features: the same bits as the rows of `batch`, updated as candles close.

    Every row is a pure function of the last `history_bars` candles of the coin and of the leader,
    and of what was known of the set's `series` at its close: how the candles arrived, one by one or
    with `preload`, before or after a restart, changes nothing. A coin that comes later than the
    leader still meets the leader's row of its own time.
    """

    def __init__(
        self,
        features: FeatureSet,
        timeframe: Timeframe,
        symbols: Sequence[str],
        series: Mapping[str, Series] | None = None,
    ) -> None:
        self._features = features
        self.history_bars = features.history_bars
        """Number of candles of each coin and the leader after which the rows have the same bits."""
        self._timeframe = timeframe
        self._warm_up = features.warm_up_bars(timeframe)
        self._coins = {symbol: coin for coin, symbol in enumerate(symbols)}
        self._memory = features.new_memory(len(symbols))
        self._series = series or {}
        self._lead_memory = new_memory(1)
        self._leads = np.zeros((RING, leading.COLUMNS))
        self._leads_known = np.zeros(RING, np.bool_)
        self._lead_bars = np.full(RING, -1, np.int64)

    @property
    def symbols(self) -> tuple[str, ...]:
        """The coins, in the order of the rows."""
        return tuple(self._coins)

    def preload(self, symbol: str, candles: Sequence[Candle]) -> None:
        """Replaces the state of `symbol`, a coin or the leader, by `candles`, ascending.

        Raises BadCandles where they cannot be true.
        """
        table = candle_table(candles)
        bars = bar_numbers(table, self._timeframe, symbol)
        if symbol == self._features.leader:
            self._lead_memory.marks[:] = 0
            self._lead_bars[:] = -1
            self._follow_leader(bars, table.candles)
        coin = self._coins.get(symbol)
        if coin is None:
            return
        self._memory.marks[coin] = 0
        rows = np.empty((bars.shape[0], len(self._features.columns)))
        extras = self._extras(symbol, bars, self._leading(bars))
        feed = self._feed(bars, table.candles, extras)
        self._features.advance(self._memory, coin, feed, rows, np.empty(bars.shape[0], np.bool_))

    def update(self, bar: Bar) -> FeatureRows:
        """Adds the candles of `bar`; one row for each coin, not valid where it has no candle.

        The leader's candle belongs among them, in this bar or an earlier call. Raises ValueError,
        and takes nothing in, where a candle is not newer than the one before it.
        """
        number = bar.open_ms // self._timeframe.ms
        self._require_new(bar, number)
        bars = np.array([number], np.int64)
        if self._features.leader in bar.candles:
            self._follow_leader(bars, np.array([bar.candles[self._features.leader][1:]]))
        lead = extras = self._leading(bars)
        rows = np.full((len(self._coins), len(self._features.columns)), np.nan)
        valid = np.zeros(len(self._coins), np.bool_)
        known = np.zeros((len(self._coins), len(self._features.optional)), np.bool_)
        known[:, : lead.known.shape[1]] = lead.known
        cuts, step_ms = np.zeros(1, np.bool_), self._timeframe.ms
        for symbol, coin in self._coins.items():
            if symbol in bar.candles:
                candles = np.array([bar.candles[symbol][1:]])
                if self._features.series or self._features.coins:
                    extras = self._extras(symbol, bars, lead)
                    known[coin] = extras.known[0]
                feed = Feed(bars, candles, cuts, *extras, step_ms, self._warm_up)
                own = slice(coin, coin + 1)
                self._features.advance(self._memory, coin, feed, rows[own], valid[own])
        return FeatureRows(rows, valid, known)

    def why_not_valid(self, symbol: str) -> str:
        """Why the newest row of `symbol` is not valid, with the number of candles needed."""
        run = int(self._memory.marks[self._coins[symbol]][RUN])
        if run < self._warm_up:
            return (
                f"{symbol} has {run} candles since its last gap, "
                f"{self._features.name} needs {self._warm_up}"
            )
        return f"a candle of {symbol} is missing at this close"

    def _require_new(self, bar: Bar, number: int) -> None:
        newest = {
            symbol: self._memory.marks[coin]
            for symbol, coin in self._coins.items()
            if symbol in bar.candles
        }
        if self._features.leader in bar.candles:
            newest.setdefault(self._features.leader, self._lead_memory.marks[0])
        for symbol, marks in newest.items():
            if marks[RUN] > 0 and number <= marks[BAR]:
                raise ValueError(f"{symbol}: candle {bar.open_ms} is not a new one")

    def _follow_leader(self, bars: Integers, candles: Floats) -> None:
        rows = np.empty((bars.shape[0], leading.COLUMNS))
        known = np.empty(bars.shape[0], np.bool_)
        feed = self._feed(bars, candles, self._leading(bars))
        leading.follow(self._lead_memory, feed, rows, known)
        kept = slice(max(0, bars.shape[0] - RING), None)
        places = bars[kept] & PLACE
        self._leads[places] = rows[kept]
        self._leads_known[places] = known[kept]
        self._lead_bars[places] = bars[kept]

    def _leading(self, bars: Integers) -> Column:
        """The leader's group at `bars`; no column where the set has no leader."""
        if self._features.leader is None:
            return Column(np.empty((bars.size, 0)), np.empty((bars.size, 0), np.bool_))
        places = bars & PLACE
        known: Booleans = self._leads_known[places] & (self._lead_bars[places] == bars)
        return Column(np.where(known[:, None], self._leads[places], 0.0), known[:, None])

    def _extras(self, symbol: str, bars: Integers, lead: Column) -> Column:
        """The leader's group, those of the data series of `symbol`, and which coin it is."""
        if not (self._features.series and bars.size):
            return with_coin(self._features, symbol, lead)
        closes_ms = (bars + 1) * self._timeframe.ms
        span_ms = int(closes_ms[0]), int(closes_ms[-1])
        observed = read_series(self._series, self._features.series, symbol, span_ms)
        groups = [
            as_of(closes_ms, observed.get(name, NOTHING), age_ms)
            for name, age_ms, _ in self._features.series
        ]
        rest = joined(groups, bars.size)
        both = zip(lead, rest, strict=True)
        return with_coin(self._features, symbol, Column(*(np.hstack(each) for each in both)))

    def _feed(self, bars: Integers, candles: Floats, extras: Column) -> Feed:
        return feed_of(bars, candles, extras, self._timeframe, self._warm_up)
