"""Features of a whole history at once, by the same kernel as live."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from crypto_bot.domain.errors import BadCandles
from crypto_bot.domain.timeframe import Timeframe
from crypto_bot.features import leader as leading
from crypto_bot.features.compiled import compiled
from crypto_bot.features.sets import FeatureSet
from crypto_bot.features.windows import CLOSE, HIGH, LOW, OPEN, VOLUME, Feed, feed_of
from crypto_bot.market_data.candle_table import CandleTable
from crypto_bot.market_data.observations import NOTHING, Booleans, Column, Floats, Integers, as_of

_CHUNK = 8192
"""Number of rows in full precision at a time."""


class FeatureRows(NamedTuple):
    """One row for each candle, (n, columns); NaN where not `valid` (n,).

    `known` (n, groups) marks which of the set's `optional` groups were known; the columns of the
    others are masked.
    """

    rows: Floats
    valid: Booleans
    known: Booleans


def batch(
    features: FeatureSet,
    timeframe: Timeframe,
    coin: CandleTable,
    leader: CandleTable | None = None,
    *,
    symbol: str | None = None,
    market_since_ms: Sequence[int] = (),
    dtype: npt.DTypeLike = np.float64,
) -> FeatureRows:
    """Features of every candle of `coin`, each from data known at its own close.

    A row is valid once `warm_up_bars` candles of the coin follow one another without a gap. What
    looks at the leader is masked where it is not given, has no candle of the same time, or has not
    warmed up. `market_since_ms` names candles at which the series passes to another market: what is
    made of volume restarts there (live, on one exchange, there are none). `symbol` is needed by a
    set that distinguishes `coins`: ValueError without. Raises BadCandles where an open time is off
    the grid or does not ascend, or a value cannot be true.
    """
    bars = bar_numbers(coin, timeframe, "candles")
    extras = with_coin(features, symbol, _extras(features, timeframe, coin, leader))
    cuts = np.isin(coin.open_ms, np.array(market_since_ms, np.int64))
    memory = features.new_memory(1)
    warm_up = features.warm_up_bars(timeframe)
    rows = np.empty((bars.shape[0], len(features.columns)), dtype)
    valid = np.empty(bars.shape[0], np.bool_)
    for since in range(0, bars.shape[0], _CHUNK):
        part = slice(since, since + _CHUNK)
        feed = Feed(
            bars[part],
            coin.candles[part],
            cuts[part],
            extras.values[part],
            extras.known[part],
            timeframe.ms,
            warm_up,
        )
        exact = rows[part] if rows.dtype == np.float64 else np.empty(rows[part].shape)
        features.advance(memory, 0, feed, exact, valid[part])
        if exact.dtype != rows.dtype:
            rows[part] = exact
    return FeatureRows(rows, valid, extras.known)


def bar_numbers(coin: CandleTable, timeframe: Timeframe, origin: str) -> Integers:
    """Bar numbers since the epoch. Raises BadCandles."""
    faulty = _faulty(coin.open_ms, coin.candles, timeframe.ms)
    if faulty >= 0:
        raise BadCandles(
            f"{origin}: row {faulty} cannot be true (values, grid or order): "
            f"open_ms {coin.open_ms[faulty]}, {coin.candles[faulty].tolist()}"
        )
    return coin.open_ms // timeframe.ms


@compiled
def _faulty(open_ms: Integers, candles: Floats, step_ms: int) -> int:
    """The first invalid row, -1 if there is none. Gaps are valid."""
    for i in range(open_ms.shape[0]):
        opened, high, low = candles[i, OPEN], candles[i, HIGH], candles[i, LOW]
        close, volume = candles[i, CLOSE], candles[i, VOLUME]
        sound = 0.0 < low <= opened <= high < np.inf and low <= close <= high  # no NaN passes
        sound = sound and 0.0 <= volume < np.inf and open_ms[i] % step_ms == 0
        if not sound or (i > 0 and open_ms[i] <= open_ms[i - 1]):
            return i
    return -1


def _extras(
    features: FeatureSet, timeframe: Timeframe, coin: CandleTable, leader: CandleTable | None
) -> Column:
    """The optional groups at each candle: values (n, columns) and known (n, groups)."""
    groups = []
    if features.leader is not None:
        known = NOTHING._replace(values=np.empty((0, leading.COLUMNS)))
        if leader is not None:
            bars = bar_numbers(leader, timeframe, features.leader)
            warm_up = features.warm_up_bars(timeframe)
            alone = joined((), bars.size)
            known = leading.observations(feed_of(bars, leader.candles, alone, timeframe, warm_up))
        groups.append(as_of(coin.open_ms + timeframe.ms, known, 0))
    groups += [coin.column(name, timeframe, age_ms) for name, age_ms, _ in features.series]
    return joined(groups, coin.open_ms.size)


def with_coin(features: FeatureSet, symbol: str | None, extras: Column) -> Column:
    """`extras` and the columns of the set's `coins`; see `batch`."""
    if not features.coins:
        return extras
    if symbol is None:
        raise ValueError(f"{features.name} reads which coin it is: name the symbol")
    which = features.one_hot(symbol, extras.known.shape[0])
    return Column(np.hstack((extras.values, which)), extras.known)


def joined(groups: Sequence[Column], count: int) -> Column:
    """Groups side by side: values (count, columns of all) and known (count, groups)."""
    values = [np.empty((count, 0)), *(group.values.reshape(count, -1) for group in groups)]
    known = [np.empty((count, 0), np.bool_), *(group.known[:, None] for group in groups)]
    return Column(np.hstack(values), np.hstack(known))
