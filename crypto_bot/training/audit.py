"""Audit: does a feature or label know what comes later? Tables of prefixes against the whole."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from crypto_bot.domain.label import LabelSpec
from crypto_bot.domain.timeframe import Timeframe
from crypto_bot.features.batch import batch
from crypto_bot.features.sets import FeatureSet
from crypto_bot.labels.labels import UNKNOWN, Labels, label
from crypto_bot.market_data.candle_table import CandleTable
from crypto_bot.statistics.rows import Floats

Measure = Callable[[int], Floats]
"""The table (n, columns) made from the candles that open before an instant (UTC ms)."""


class Leak(NamedTuple):
    """A column in which earlier rows change when candles are appended."""

    column: str
    cut_ms: int
    """The prefix holds the candles that open before this."""
    rows: int
    """So many of the prefix's rows differ from the whole's."""


def prefix_leaks(measure: Measure, columns: Sequence[str], cuts_ms: Sequence[int]) -> list[Leak]:
    """Columns whose rows in a prefix differ, in any bit, from the same rows of the whole.

    The prefixes end at `cuts_ms`, the whole at the last of them. Take cuts inside and at the end of
    every longer candle that a feature might look at. A row in which the prefix knows nothing (NaN)
    and the whole something is a leak like any other.
    """
    return _leaks(measure, columns, cuts_ms, later_known=False)


def label_leaks(measure: Measure, columns: Sequence[str], cuts_ms: Sequence[int]) -> list[Leak]:
    """As `prefix_leaks`, for labels: what a prefix does not know yet (NaN) may become known."""
    return _leaks(measure, columns, cuts_ms, later_known=True)


def _leaks(
    measure: Measure, columns: Sequence[str], cuts_ms: Sequence[int], *, later_known: bool
) -> list[Leak]:
    *earlier, last = sorted(cuts_ms)
    whole = measure(last)
    found = []
    for cut_ms in earlier:
        part = measure(cut_ms)
        same = whole[: part.shape[0]]
        unknown = np.isnan(part)
        equal = (part == same) | (unknown & (np.isnan(same) | later_known))
        changed = np.count_nonzero(~equal, axis=0)
        found += [
            Leak(column, cut_ms, int(rows))
            for column, rows in zip(columns, changed, strict=True)
            if rows
        ]
    return found


def feature_measure(
    features: FeatureSet,
    timeframe: Timeframe,
    coin: CandleTable,
    leader: CandleTable | None = None,
    market_since_ms: Sequence[int] = (),
) -> Measure:
    """The table of a feature set; coin and leader are cut alike."""

    def measure(until_ms: int) -> Floats:
        lead = None if leader is None else leader.before(until_ms)
        known = coin.before(until_ms)
        return batch(features, timeframe, known, lead, market_since_ms=market_since_ms).rows

    return measure


def label_measure(spec: LabelSpec, timeframe: Timeframe, coin: CandleTable) -> Measure:
    """The table of a label, its columns those of `Labels`; NaN where it is unknown."""

    def measure(until_ms: int) -> Floats:
        known = coin.before(until_ms)
        found = label(spec, timeframe, known.open_ms, known.candles)
        table = np.column_stack([np.asarray(column, np.float64) for column in found])
        table[found.label == UNKNOWN, : len(Labels._fields) - 1] = np.nan
        return table

    return measure
