"""Labels: what the market did after a close, by name and parameters, and how they overlap."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from crypto_bot.domain.errors import ConfigError, NotEnoughData
from crypto_bot.domain.label import LabelSpec, Rule
from crypto_bot.domain.timeframe import Timeframe
from crypto_bot.features.averages import PERIOD
from crypto_bot.features.compiled import compiled
from crypto_bot.features.indicators import atr_step, true_range
from crypto_bot.features.windows import CLOSE, HIGH, LOW, OPEN, Floats, Integers

SHORT, NO_TRADE, LONG, UNKNOWN = 0, 1, 2, -1
"""Classes, in the order of the columns of probabilities everywhere; UNKNOWN is no label."""
CLASSES = ("SHORT", "NO_TRADE", "LONG")
RARE, DOMINANT = 0.05, 0.90
"""Shares of a class below and above which a distribution is warned of."""


_SPECS = {
    spec.name: spec
    for spec in (
        LabelSpec("A", Rule.HOLD_ATR, 4, 0.75),
        LabelSpec("B", Rule.BARRIER_ATR, 16, 2.0),
        LabelSpec("fixed", Rule.HOLD_SHARE, 3, 0.0025),
    )
}


def label_spec(name: str) -> LabelSpec:
    """`A`, `B` or `fixed`. Raises ConfigError for any other."""
    if name not in _SPECS:
        raise ConfigError(f"unknown label '{name}': use one of {', '.join(_SPECS)}")
    return _SPECS[name]


class Labels(NamedTuple):
    """One entry for each candle, (n,), all of them made at its close.

    `label` is a class or UNKNOWN: in the last `horizon_bars` candles, before a gap that is nearer
    than the horizon, and where there is no ATR or one of 0. `end_ms` is the close of the last
    candle that the label looks at, its span being from the candle's own close to there; 0 where
    unknown.
    `long_bps` is the gross return of a long from the next open, `late_bps` that of one entered a
    bar later and left at the same close; both are NaN where unknown. `atr_bps` is ATR(14) over the
    close.
    """

    label: npt.NDArray[np.int8]
    end_ms: Integers
    long_bps: Floats
    late_bps: Floats
    atr_bps: Floats

    @property
    def long_atr(self) -> Floats:
        """The gross return in units of ATR."""
        moved: Floats = self.long_bps / self.atr_bps
        return moved


def label(spec: LabelSpec, timeframe: Timeframe, open_ms: Integers, candles: Floats) -> Labels:
    """Labels of `candles` (n, 5), ascending; nothing crosses a gap.

    Every trade enters at the next open. HOLD_ATR and HOLD_SHARE leave at the close of the last bar
    of the horizon and call LONG or SHORT what moved by more than the threshold. BARRIER_ATR (triple
    barrier, M. Lopez de Prado, Advances in Financial Machine Learning, 2018, chapter 3) leaves at
    the first barrier touched, at that price or at the open beyond it, else at the end. A bar that
    touches both is the stop of either side, which no side survives: NO_TRADE, left at its close.
    `domain.outcome.settle` knows which side was called, and books the stop of that one.
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
    atr = np.empty(count)
    _write_atr(bars, candles, atr)
    known = ~np.isnan(atr)
    found.atr_bps[known] = 1e4 * atr[known] / candles[known, CLOSE]
    threshold = atr * spec.threshold
    if spec.rule is Rule.HOLD_SHARE:
        entry = np.append(candles[1:, OPEN], np.nan)
        threshold = np.where(atr > 0.0, spec.threshold * entry, np.nan)
    exits = _Exits(spec.horizon_bars, spec.rule is Rule.BARRIER_ATR, timeframe.ms)
    _write_labels(exits, bars, candles, threshold, found)
    return found


class _Exits(NamedTuple):
    horizon: int
    barriers: bool
    step_ms: int


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


@compiled
def _write_labels(
    exits: _Exits, bars: Integers, candles: Floats, threshold: Floats, found: Labels
) -> None:
    horizon, barriers, step_ms = exits
    for i in range(bars.shape[0] - horizon):
        if bars[i + horizon] != bars[i] + horizon or not threshold[i] > 0.0:
            continue
        entry = candles[i + 1, OPEN]
        last, price, kind = i + horizon, candles[i + horizon, CLOSE], NO_TRADE
        if barriers:
            last, price, kind = _touch(candles, i, horizon, threshold[i])
        elif price - entry > threshold[i]:
            kind = LONG
        elif entry - price > threshold[i]:
            kind = SHORT
        found.label[i] = kind
        found.end_ms[i] = (bars[last] + 1) * step_ms
        found.long_bps[i] = 1e4 * (price / entry - 1.0)
        if last > i + 1:
            found.late_bps[i] = 1e4 * (price / candles[i + 2, OPEN] - 1.0)


@compiled
def _touch(candles: Floats, i: int, horizon: int, reach: float) -> tuple[int, float, int]:
    """(bar, price, class) at which the triple barrier ends; see `label`."""
    entry = candles[i + 1, OPEN]
    upper, lower = entry + reach, entry - reach
    for k in range(i + 1, i + horizon + 1):
        rose, fell = candles[k, HIGH] >= upper, candles[k, LOW] <= lower
        if rose and fell:
            return k, candles[k, CLOSE], NO_TRADE
        if rose:
            return k, max(upper, candles[k, OPEN]), LONG
        if fell:
            return k, min(lower, candles[k, OPEN]), SHORT
    return i + horizon, candles[i + horizon, CLOSE], NO_TRADE


class Distribution(NamedTuple):
    """How often each class occurs, and what is unusual about it, in words."""

    counts: tuple[int, int, int]
    warnings: tuple[str, ...]

    @property
    def shares(self) -> tuple[float, ...]:
        """Share of SHORT, NO_TRADE, LONG."""
        return tuple(count / sum(self.counts) for count in self.counts)


def distribution(labels: npt.NDArray[np.integer[Any]]) -> Distribution:
    """Of the known ones among `labels`. Raises NotEnoughData for none, or for a single class."""
    known = labels[labels != UNKNOWN]
    counts = tuple(int(np.count_nonzero(known == kind)) for kind in range(3))
    total = sum(counts)
    if np.count_nonzero(counts) < 2:
        there = ", ".join(name for name, n in zip(CLASSES, counts, strict=True) if n) or "no label"
        raise NotEnoughData(
            f"{total} labels hold nothing but {there}: there is nothing to learn; "
            "use a longer history or another label"
        )
    warnings = tuple(
        f"{name} is {n / total:.1%} of {total} labels: {advice}"
        for name, n in zip(CLASSES, counts, strict=True)
        for odd, advice in (
            (n / total < RARE, "too rare to be learnt well"),
            (n / total > DOMINANT, "a constant would score as much"),
        )
        if odd
    )
    return Distribution((counts[0], counts[1], counts[2]), warnings)


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
