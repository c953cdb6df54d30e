"""The rules, and calls of models made before, over all coins and all time at once.

`engine.cycle` is the definition; a test compares the two field by field. What the cycle knows of a
record at a close is a sum over outcomes up to there, so it is taken from cumulative sums.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from math import isnan
from typing import NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from crypto_bot.backtesting.settling import (
    NO_SIDE,
    OPEN_STILL,
    Asked,
    Outcomes,
    Small,
    empty_outcomes,
    settle_all,
)
from crypto_bot.domain.candle import Candle
from crypto_bot.domain.distribution import Distribution
from crypto_bot.domain.label import SHORT_NO_TRADE_LONG, LabelSpec
from crypto_bot.domain.market import Bar
from crypto_bot.domain.record import POOL_WEIGHT, PRIOR_RATE, PRIOR_WEIGHT
from crypto_bot.domain.signal import Pred, Signal, Source, levels
from crypto_bot.domain.timeframe import Timeframe
from crypto_bot.features.views import ViewColumns, view_columns
from crypto_bot.features.windows import CLOSE
from crypto_bot.labels.labels import label as label_of
from crypto_bot.market_data.candle_table import CandleTable
from crypto_bot.market_data.observations import Booleans, Floats, Integers
from crypto_bot.ports import StoredSignal

Counts = npt.NDArray[np.int32]
SOURCES = tuple(Source)
_PREDS = (Pred.SHORT, Pred.NO_TRADE, Pred.LONG)


class ColumnRule(Protocol):
    """A rule that answers for every candle of a coin at once."""

    @property
    def source(self) -> Source:
        """The name of its calls."""

    def sides(self, views: ViewColumns) -> Integers:
        """1 LONG, -1 SHORT, 0 where it declines, [n]."""


class ModelCalls(NamedTuple):
    """Calls of the model of one coin, [m] each, ascending: what stands first in the chain.

    `p` [m, 3]: of a fall, no move and a rise. `expected_bps`: NaN for a NO_TRADE. `label` settles
    them; `version` is stored with them.
    """

    open_ms: Integers
    side: Integers
    p: Floats
    expected_bps: Floats
    label: LabelSpec
    version: str


class Models(NamedTuple):
    """Calls by coin, and the source that they are of."""

    source: Source
    calls: Mapping[str, ModelCalls]


class CoinCalls(NamedTuple):
    """The one signal of each candle of a coin, [n] each, with its outcome.

    `source`: place in `SOURCES`. `p` [n, 3] as in `ModelCalls`. `judged`: whether it is right or
    wrong where its outcome has a side; a NO_TRADE by a label that has no such class is neither.
    """

    table: CandleTable
    atr: Floats
    source: Small
    side: Integers
    p: Floats
    expected_bps: Floats
    judged: Booleans
    outcomes: Outcomes

    @property
    def counted(self) -> Booleans:
        """Settled signals whose outcome has a side, [n]."""
        known: Booleans = (self.outcomes.settled != OPEN_STILL) & (self.outcomes.side != NO_SIDE)
        return known


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnEngine:
    """The fallback chain in columns: calls of `models`, then `rules`, then HOLD."""

    timeframe: Timeframe
    rules: Sequence[ColumnRule]
    horizon_bars: int
    cost_bps: float
    lag_bars: int
    engine: str
    models: Models | None = None

    def run(
        self, coins: Mapping[str, CandleTable], since_ms: int, *, threads: int = 1
    ) -> Mapping[str, CoinCalls]:
        """Signals of every candle from `since_ms` on; those before it only fill the memory."""
        with ThreadPoolExecutor(threads) as pool:
            made = pool.map(lambda name: self._coin(name, coins[name], since_ms), coins)
            held = {symbol: each for symbol, each in zip(coins, made, strict=True) if each}
        tallies = _Tallies(held, self.timeframe, self.lag_bars)
        for symbol, calls in held.items():
            tallies.fill(symbol, calls)
        return held

    def signal(self, symbol: str, calls: CoinCalls, at: int) -> Signal:
        """The signal of one candle as the cycle makes it, without reasons."""
        side, atr = int(calls.side[at]), float(calls.atr[at])
        pred, source = _PREDS[side + 1], SOURCES[calls.source[at]]
        known = atr if atr > 0.0 else None
        chances = Distribution(SHORT_NO_TRADE_LONG, tuple(calls.p[at].tolist()))
        expected = float(calls.expected_bps[at])
        model, horizon_bars = None, self.horizon_bars
        if self.models is not None and source is self.models.source:
            model = self.models.calls[symbol]
            horizon_bars = model.label.horizon.bars(self.timeframe)
        return Signal(
            symbol=symbol,
            tf=self.timeframe.name,
            candle_open_ms=int(calls.table.open_ms[at]),
            pred=pred,
            confidence=chances.of(pred),
            distribution=chances,
            source=source,
            levels=levels(pred, float(calls.table.candles[at, CLOSE]), known),
            atr=known,
            horizon_bars=horizon_bars,
            reasons=(),
            expected_bps=None if isnan(expected) else expected,
            cost_bps=self.cost_bps,
            model_version=None if model is None else model.version,
            label=None if model is None else model.label,
            engine=self.engine,
        )

    def bars(self, held: Mapping[str, CoinCalls]) -> Iterator[tuple[Bar, list[StoredSignal]]]:
        """Each bar with its LONG and SHORT signals, as paper accounts read them."""
        by_time: dict[int, dict[str, Candle]] = {}
        trades: dict[int, list[StoredSignal]] = {}
        for symbol, calls in held.items():
            times = calls.table.open_ms.tolist()
            for at in np.flatnonzero(calls.side).tolist():
                made = StoredSignal(
                    self.signal(symbol, calls, at), self.timeframe.close_of(times[at]), late=False
                )
                trades.setdefault(times[at], []).append(made)
            for open_ms, values in zip(times, calls.table.candles.tolist(), strict=True):
                by_time.setdefault(open_ms, {})[symbol] = Candle(open_ms, *values)
        for open_ms in sorted(by_time):
            yield Bar(open_ms, by_time[open_ms]), trades.get(open_ms, [])

    def _coin(self, symbol: str, table: CandleTable, since_ms: int) -> CoinCalls | None:
        first = int(np.searchsorted(table.open_ms, since_ms))
        if first == table.open_ms.size:
            return None
        views = view_columns(self.timeframe, table, first)
        table = CandleTable(table.open_ms[first:], table.candles[first:])
        count = table.open_ms.size
        made = CoinCalls(
            table=table,
            atr=np.where((views.atr > 0.0) & np.isfinite(views.atr), views.atr, np.nan),
            source=np.full(count, SOURCES.index(Source.HOLD), np.int8),
            side=np.zeros(count, np.int64),
            p=np.full((count, 3), np.nan),
            expected_bps=np.full(count, np.nan),
            judged=np.ones(count, np.bool_),
            outcomes=empty_outcomes(count),
        )
        model = None if self.models is None else self.models.calls.get(symbol)
        answered = np.zeros(count, np.bool_)
        if model is not None:
            answered = np.isin(table.open_ms, model.open_ms)
            self._take(made, model, answered)
        free = ~answered
        for rule in self.rules:
            sides = np.where(free, rule.sides(views), 0)
            made.source[sides != 0] = SOURCES.index(rule.source)
            made.side[:] += sides
            free &= sides == 0
        self._settle(made, model, answered)
        return made

    def _take(self, made: CoinCalls, model: ModelCalls, answered: Booleans) -> None:
        """Writes the calls of a model for the candles that it `answered`."""
        assert self.models is not None
        here = np.searchsorted(model.open_ms, made.table.open_ms[answered])
        made.source[answered] = SOURCES.index(self.models.source)
        made.side[answered], made.p[answered] = model.side[here], model.p[here]
        made.expected_bps[answered] = model.expected_bps[here]
        if model.label.direction is not None and not model.label.direction.neutral:
            made.judged[answered & (made.side == 0)] = False

    def _settle(self, made: CoinCalls, model: ModelCalls | None, answered: Booleans) -> None:
        horizon = np.full(answered.size, self.horizon_bars, np.int64)
        if model is not None:
            horizon[answered] = model.label.horizon.bars(self.timeframe)
        table = made.table
        bars = table.open_ms // self.timeframe.ms
        settle_all(
            bars, table.candles, Asked(made.side, made.atr, horizon, answered), made.outcomes
        )
        if model is not None and answered.any():
            of = model.label, self.timeframe, table.open_ms, table.candles
            classes = label_of(*of, atr=made.atr).label[answered]
            made.outcomes.side[answered] = _sides(model.label)[classes]


def _sides(spec: LabelSpec) -> Small:
    """What each class stands for, and `NO_SIDE` in the last place, for an unknown label."""
    sides = np.full(len(spec.classes) + 1, NO_SIDE, np.int8)
    for side, classes in zip((-1, 0, 1), spec.direction or (), strict=False):
        sides[list(classes)] = side
    return sides


class _Tallies:
    """The record of each source as `engine.track_record` knows it at each close."""

    def __init__(self, held: Mapping[str, CoinCalls], timeframe: Timeframe, lag_bars: int) -> None:
        self._lag_ms = lag_bars * timeframe.ms
        every = [calls.table.open_ms for calls in held.values()] or [np.empty(0, np.int64)]
        self._grid = np.unique(np.concatenate(every))
        self._sums: dict[str, Counts] = {}
        self._pooled = np.zeros((len(SOURCES), 3, self._grid.size + 1), np.int32)
        for symbol, calls in held.items():
            counts = _counts(calls)
            self._sums[symbol] = np.cumsum(counts, axis=2, dtype=np.int32)
            places = np.searchsorted(self._grid, calls.table.open_ms) + 1
            self._pooled[:, :, places] += counts
        self._pooled = np.cumsum(self._pooled, axis=2, dtype=np.int32)

    def fill(self, symbol: str, calls: CoinCalls) -> None:
        """Writes the probabilities of the rules' signals into `calls.p`."""
        rules = np.isnan(calls.p[:, 1])
        source = calls.source.astype(np.int64)
        at = np.arange(source.size)
        n, hits, flats = self._sums[symbol][source, :, at].T
        before = np.searchsorted(self._grid, calls.table.open_ms - self._lag_ms, side="right")
        pooled_n, pooled_hits, pooled_flats = self._pooled[source, :, before].T
        hit = _shrunk(n, hits, pooled_n, pooled_hits)
        flat = _shrunk(n, flats, pooled_n, pooled_flats)
        wrong = 1.0 - hit - flat
        out = (1.0 - hit) / 2.0
        short, long, none = calls.side < 0, calls.side > 0, calls.side == 0
        p = np.empty_like(calls.p)
        p[:, 0] = np.select([short, none], [hit, out], wrong)
        p[:, 1] = np.where(none, hit, flat)
        p[:, 2] = np.select([long, none], [hit, out], wrong)
        calls.p[rules] = p[rules]


def _counts(calls: CoinCalls) -> Counts:
    """Settled, right and flat signals, (source, 3, n), at the candle that settled each."""
    counts = np.zeros((len(SOURCES), 3, calls.side.size), np.int32)
    known = calls.counted
    side, ended = calls.side[known], calls.outcomes.side[known]
    flags = (np.ones(side.size, np.bool_), ended == side, (ended == 0) & (side != 0))
    for place, flag in enumerate(flags):
        where = calls.source[known][flag], place, calls.outcomes.settled[known][flag]
        np.add.at(counts, where, 1)
    return counts


def _shrunk(n: Counts, k: Counts, pooled_n: Counts, pooled_k: Counts) -> Floats:
    """`domain.record`, in columns."""
    pooled = (pooled_k + PRIOR_WEIGHT * PRIOR_RATE) / (pooled_n + PRIOR_WEIGHT)
    shrunk: Floats = (k + POOL_WEIGHT * pooled) / (n + POOL_WEIGHT)
    return shrunk
