"""The newest feature rows of each coin, kept as candles close, or rebuilt from stored ones."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from crypto_bot.domain.candle import Candle
from crypto_bot.domain.market import Bar
from crypto_bot.domain.timeframe import Timeframe
from crypto_bot.features.batch import batch
from crypto_bot.features.live import LiveFeatures
from crypto_bot.features.sets import FeatureSet
from crypto_bot.market_data.candle_table import candle_table
from crypto_bot.market_data.observations import Booleans, read_series
from crypto_bot.models.families.family import Features
from crypto_bot.ports.market_data import Series
from crypto_bot.serving.prediction_service import Window
from crypto_bot.statistics.rows import Ints


class History(NamedTuple):
    """Feature rows (n, columns) of candles opened at `open_ms` (n,).

    `run` (n,) counts the valid rows that end at each of them, since the first row asked for;
    `known` (n, groups) as in `FeatureRows`.
    """

    open_ms: Ints
    rows: Features
    run: Ints
    known: Booleans


ReadCandles = Callable[[str, int, int], Sequence[Candle]]
"""Stored candles of a symbol with open in `[since_ms, until_ms]`, ascending."""


class StoredFeatures:
    """The features of stored candles; the columns of series that `series` lacks are masked."""

    def __init__(
        self,
        features: FeatureSet,
        timeframe: Timeframe,
        symbols: Sequence[str],
        read: ReadCandles,
        series: Mapping[str, Series],
    ) -> None:
        """The leader is compared with where it is among `symbols`."""
        self._features = features
        self._leader = features.leader if features.leader in symbols else None
        self._timeframe = timeframe
        self._read = read
        self._series = series

    def history(self, symbol: str, since_ms: int, until_ms: int) -> History:
        """Rows of the stored candles in `[since_ms, until_ms]`, with the bits of the live ones."""
        features = self._features
        first_ms = since_ms - features.history_bars * self._timeframe.ms
        step_ms = self._timeframe.ms
        closes_ms = first_ms + step_ms, until_ms + step_ms
        observed = read_series(self._series, features.series, symbol, closes_ms)
        coin = replace(candle_table(self._read(symbol, first_ms, until_ms)), observed=observed)
        leader = None
        if self._leader is not None:
            leader = candle_table(self._read(self._leader, first_ms, until_ms))
        found = batch(features, self._timeframe, coin, leader, symbol=symbol, dtype=np.float32)
        kept = coin.open_ms >= since_ms
        rows = np.asarray(found.rows[kept], np.float32)
        return History(coin.open_ms[kept], rows, _runs(found.valid[kept]), found.known[kept])


class FeatureWindows:
    """Windows of `bars` rows for every coin that was asked about, of one feature set.

    A coin is followed from the first time it is wanted: its memory and window are then built from
    stored candles, with the same bits as if it had been followed all along. The columns of a leader
    that is not among `symbols` are masked, whatever is stored of it, and so are those of a data
    series that `series` lacks.
    """

    def __init__(
        self,
        features: FeatureSet,
        timeframe: Timeframe,
        symbols: Sequence[str],
        bars: int,
        read: ReadCandles,
        *,
        series: Mapping[str, Series] | None = None,
    ) -> None:
        self._features = features
        self._leader = features.leader if features.leader in symbols else None
        self._timeframe = timeframe
        self._read = read
        self._series = series or {}
        self.history = StoredFeatures(features, timeframe, symbols, read, self._series).history
        self._live = LiveFeatures(features, timeframe, symbols, self._series)
        self._place = {symbol: at for at, symbol in enumerate(symbols)}
        self._rows = np.zeros((len(symbols), bars, len(features.columns)), np.float32)
        self._valid = np.zeros(len(symbols), np.int64)
        self._known = np.zeros((len(symbols), bars, len(features.optional)), np.bool_)
        self._newest_ms: dict[str, int] = {}
        self._leader_ms: int | None = None

    @property
    def bars(self) -> int:
        """Rows of a full window."""
        return int(self._rows.shape[1])

    def forget(self) -> None:
        """Everything is built anew when it is wanted next."""
        self._newest_ms.clear()
        self._leader_ms = None

    def update(self, bar: Bar) -> None:
        """Takes the candles of the coins that are followed, and of the leader, in."""
        leader = self._leader
        wanted = {s: candle for s, candle in bar.candles.items() if s in self._newest_ms}
        if leader is not None and self._leader_ms is not None and leader in bar.candles:
            wanted[leader] = bar.candles[leader]
            self._leader_ms = bar.open_ms
        if not wanted:
            return
        found = self._live.update(Bar(bar.open_ms, wanted))
        for symbol in wanted.keys() & self._newest_ms.keys():
            at = self._place[symbol]
            self._rows[at, :-1] = self._rows[at, 1:]
            self._rows[at, -1] = found.rows[at]
            self._valid[at] = self._valid[at] + 1 if found.valid[at] else 0
            self._known[at, :-1] = self._known[at, 1:]
            self._known[at, -1] = found.known[at]
            self._newest_ms[symbol] = bar.open_ms

    def follow(self, symbol: str, open_ms: int, leader_ms: int) -> None:
        """Sees to it that the window of `symbol` ends with its candle at `open_ms`.

        `leader_ms` is the newest candle of the leader that the engine has taken.
        """
        if self._newest_ms.get(symbol) == open_ms:
            return
        leader = self._leader
        if leader is not None and self._leader_ms is None:
            since_ms = leader_ms - 2 * self._features.history_bars * self._timeframe.ms
            self._live.preload(leader, self._read(leader, since_ms, leader_ms))
            self._leader_ms = leader_ms
        # The leader's memory also serves coins that are behind it.
        reach = 2 * self._features.history_bars
        since_ms = open_ms - reach * self._timeframe.ms
        self._live.preload(symbol, self._read(symbol, since_ms, open_ms))
        found = self.history(symbol, open_ms - (self.bars - 1) * self._timeframe.ms, open_ms)
        at = self._place[symbol]
        kept = found.run.size
        self._rows[at] = 0.0
        self._rows[at, self.bars - kept :] = found.rows
        self._known[at] = False
        self._known[at, self.bars - kept :] = found.known
        self._valid[at] = found.run[-1] if kept else 0
        self._newest_ms[symbol] = open_ms

    def window(self, symbol: str, bars: int) -> Window | None:
        """The newest `bars` rows of a coin that is followed; None where they are not all valid."""
        at = self._place[symbol]
        if symbol not in self._newest_ms or self._valid[at] < bars:
            return None
        return Window(self._newest_ms[symbol], self._rows[at, self.bars - bars :])

    def masked(self, symbol: str, bars: int) -> tuple[str, ...]:
        """What the newest `bars` rows of a coin that is followed lack, at one close at least."""
        known = self._known[self._place[symbol], self.bars - bars :]
        groups = self._features.optional
        return tuple(group for k, group in enumerate(groups) if not known[:, k].all())

    def why_not(self, symbol: str, bars: int) -> str:
        """Why there is no window of `bars` rows, in words."""
        valid = int(self._valid[self._place[symbol]])
        if valid == 0:
            return self._live.why_not_valid(symbol)
        return f"{symbol} has {valid} rows of features since its last gap, the model reads {bars}"


def _runs(valid: npt.NDArray[np.bool_]) -> Ints:
    """How many valid rows end at each row: no run crosses a gap, after which rows are not valid."""
    at = np.arange(valid.size)
    last_invalid = np.maximum.accumulate(np.where(valid, -1, at))
    return at - last_invalid
