"""Labels of whole histories: what the market did after each close, and how labels overlap."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from crypto_bot.domain.errors import NotEnoughData
from crypto_bot.domain.label import LabelSpec
from crypto_bot.domain.timeframe import Timeframe
from crypto_bot.features.averages import PERIOD
from crypto_bot.features.compiled import compiled
from crypto_bot.features.indicators import atr_step, true_range
from crypto_bot.features.windows import CLOSE, HIGH, LOW, OPEN
from crypto_bot.labels.paths import Paths, paths_of
from crypto_bot.labels.registered import RULES
from crypto_bot.market_data.observations import Floats, Integers

UNKNOWN = -1
"""No label; all others are indices of the classes of their spec."""
RARE, DOMINANT = 0.05, 0.90
"""Shares of a class below and above which a warning is given."""


class Labels(NamedTuple):
    """One entry for each candle, (n,), all of them made at its close.

    `label` is the index of a class or UNKNOWN: in the last candles of a horizon, before a gap that
    is nearer than the horizon, and where there is no ATR or one of 0. `end_ms` is the close of the
    last candle that the label looks at, its span being from the candle's own close to there; 0
    where unknown.
    `long_bps` is the gross return of a long from the next open, `late_bps` that of one entered a
    bar later and left at the same close; both are NaN where unknown. `atr_bps` is ATR(14) over the
    close.
    """

    label: npt.NDArray[np.int8]
    end_ms: Integers
    long_bps: Floats
    late_bps: Floats
    atr_bps: Floats


def label(
    spec: LabelSpec,
    timeframe: Timeframe,
    open_ms: Integers,
    candles: Floats,
    atr: Floats | None = None,
) -> Labels:
    """Labels of `candles` (n, 5), ascending; nothing crosses a gap.

    Every trade enters at the next open and is left where the rule of `spec` says. `atr` (n,) in
    price units is what the label is measured in, by default Wilder's since the last gap. Raises
    ConfigError where that rule is not registered.
    """
    bars = open_ms // timeframe.ms
    count = bars.shape[0]
    found = Labels(
        np.full(count, UNKNOWN, np.int8),
        np.zeros(count, np.int64),
        np.full(count, np.nan),
        np.full(count, np.nan),
        np.full(count, np.nan),
    )
    if atr is None:
        atr = np.empty(count)
        _write_atr(bars, candles, atr)
    known = ~np.isnan(atr)
    found.atr_bps[known] = 1e4 * atr[known] / candles[known, CLOSE]
    horizon = spec.horizon.bars(timeframe)
    if count <= horizon:
        return found
    paths = paths_of(candles, atr, horizon)
    rule = RULES.get(spec.rule)
    whole = (bars[horizon:] == bars[:-horizon] + horizon) & (paths.atr > 0.0)
    for at in _stretches(whole):
        ends = rule(Paths(*(part[at] for part in paths)), spec.thresholds)
        closes = np.arange(at.start, at.stop)
        last = closes + 1 + ends.bar
        found.label[at] = ends.label
        found.end_ms[at] = (bars[last] + 1) * timeframe.ms
        found.long_bps[at] = 1e4 * (ends.price / candles[closes + 1, OPEN] - 1.0)
        later = np.flatnonzero(ends.bar > 0)  # a path of one bar is over before a late entry
        entry = candles[closes[later] + 2, OPEN]
        found.late_bps[closes[later]] = 1e4 * (ends.price[later] / entry - 1.0)
    return found


def _stretches(chosen: npt.NDArray[np.bool_]) -> list[slice]:
    """The stretches of rows in which `chosen` holds: slices of views copy nothing."""
    edges = np.flatnonzero(np.diff(np.concatenate(([False], chosen, [False]))))
    return [slice(int(a), int(b)) for a, b in edges.reshape(-1, 2)]


@compiled
def _write_atr(bars: Integers, candles: Floats, atr: Floats) -> None:
    """Wilder's ATR since the last gap; NaN before its first full period."""
    run = 0
    smooth = 0.0
    for i in range(bars.shape[0]):
        follows = i > 0 and bars[i] == bars[i - 1] + 1
        run = run + 1 if follows else 1
        high, low = candles[i, HIGH], candles[i, LOW]
        if follows:
            reach = true_range(high, low, candles[i - 1, CLOSE])
            smooth = atr_step(smooth, reach, run - 1, PERIOD)
        else:
            smooth = high - low
        atr[i] = smooth if run >= PERIOD else np.nan


class ClassCounts(NamedTuple):
    """How often each class occurs, in the order of the classes, and warnings of what is unusual."""

    counts: tuple[int, ...]
    warnings: tuple[str, ...]


def count_classes(labels: npt.NDArray[np.integer[Any]], classes: Sequence[str]) -> ClassCounts:
    """Of the known ones among `labels`. Raises NotEnoughData for none, or for a single class."""
    known = labels[labels != UNKNOWN]
    counts = tuple(int(np.count_nonzero(known == kind)) for kind in range(len(classes)))
    total = sum(counts)
    if np.count_nonzero(counts) < 2:
        there = ", ".join(name for name, n in zip(classes, counts, strict=True) if n) or "no label"
        raise NotEnoughData(
            f"{total} labels hold nothing but {there}: there is nothing to learn; "
            "use a longer history or another label"
        )
    warnings = tuple(
        f"{name} is {n / total:.1%} of {total} labels: {advice}"
        for name, n in zip(classes, counts, strict=True)
        for odd, advice in (
            (n / total < RARE, "too rare to be learnt well"),
            (n / total > DOMINANT, "a constant would score as much"),
        )
        if odd
    )
    return ClassCounts(counts, warnings)


def uniqueness(open_ms: Integers, end_ms: Integers, timeframe: Timeframe) -> Floats:
    """Weights (n,) of overlapping labels; 0 where `end_ms` is 0 (unknown), 1 where none overlaps.

    The average over a label's bars of 1 / labels that live in the bar: average uniqueness (M. Lopez
    de Prado, Advances in Financial Machine Learning, 2018, section 4.4). `open_ms` ascends.
    """
    known = end_ms > 0
    weights = np.zeros(open_ms.shape[0])
    if not known.any():
        return weights
    first = open_ms[known] // timeframe.ms + 1  # a label lives from the next bar on
    last = end_ms[known] // timeframe.ms - 1
    origin = int(first[0])
    alive = np.zeros(int(last.max()) - origin + 2)
    np.add.at(alive, first - origin, 1.0)
    np.add.at(alive, last + 1 - origin, -1.0)
    alive = np.cumsum(alive)[:-1]
    share = np.divide(1.0, alive, out=np.zeros_like(alive), where=alive > 0.0)
    total = np.concatenate(([0.0], np.cumsum(share)))
    weights[known] = (total[last + 1 - origin] - total[first - origin]) / (last - first + 1)
    return weights
