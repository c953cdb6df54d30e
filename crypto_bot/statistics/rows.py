"""Rows for evaluating a model: out of sample, of several coins, with labels and returns."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

import numpy as np
import numpy.typing as npt

from crypto_bot.domain.instant import DAY_MS
from crypto_bot.domain.label import Direction, LabelSpec
from crypto_bot.domain.timeframe import Timeframe

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

SHORT, NO_TRADE, LONG = 0, 1, 2
"""Columns of the three probabilities that a signal is served with."""
_TINY = np.finfo(np.float64).tiny


@dataclass(frozen=True, slots=True)
class Rows:
    """Labelled test rows, all arrays [n], in any order.

    `open_ms`: open of the candle at whose close the prediction is made, UTC ms. `coin`, `fold`:
    numbers from 0; folds are numbered by time. `label`: index of the class of `spec`. `long_bps`:
    gross return of a long from the next open over the label's horizon, basis points.
    `late_bps`: the same entered one bar later, NaN where unknown. `atr_bps`: ATR(14) over the close
    of the candle, basis points. `spec`, `timeframe`: what is predicted, on which bars.
    """

    open_ms: Ints
    coin: Ints
    fold: Ints
    label: Ints
    long_bps: Floats
    late_bps: Floats
    atr_bps: Floats
    spec: LabelSpec
    timeframe: Timeframe

    def __post_init__(self) -> None:
        lengths = {getattr(self, name).shape for name in ARRAYS}
        if len(lengths) != 1 or self.open_ms.ndim != 1:
            raise ValueError(f"rows need arrays of one length, got shapes {sorted(lengths)}")

    def __len__(self) -> int:
        return int(self.open_ms.size)

    def where(self, chosen: Bools) -> Rows:
        """The rows where `chosen` [n] is true."""
        return replace(self, **{name: getattr(self, name)[chosen] for name in ARRAYS})

    @property
    def horizon_ms(self) -> int:
        """How long a trade is held."""
        return self.spec.horizon.ms(self.timeframe)

    @property
    def moved(self) -> Bools:
        """Rows whose class is a fall or a rise; none where the label has no direction."""
        way = self.spec.direction
        if way is None:
            return np.zeros(len(self), np.bool_)
        moved: Bools = ~np.isin(self.label, way.neutral)
        return moved

    @property
    def rose(self) -> Bools:
        """Rows whose class is a rise."""
        way = self.spec.direction
        if way is None:
            return np.zeros(len(self), np.bool_)
        rose: Bools = np.isin(self.label, way.up)
        return rose


ARRAYS = tuple(each.name for each in fields(Rows) if each.name not in {"spec", "timeframe"})


def direction_score(p: Floats, direction: Direction) -> Floats:
    """The log of P(rise) / P(fall) [n] of probabilities [n, classes], in single precision.

    With two heads it is the logit of P(up | move). Single precision is what networks give and what
    live scores are kept in: so a score has the same bits wherever it was computed.
    """
    return single(_log(side(p, direction.up)) - _log(side(p, direction.down)))


def score_of(p: Floats, spec: LabelSpec) -> Floats:
    """`direction_score` [n] by the label of the model; 0 where that has no direction."""
    if spec.direction is None:
        return np.zeros(p.shape[0])
    return direction_score(p, spec.direction)


def move_logit(p: Floats, direction: Direction) -> Floats:
    """The log odds of a move [n], in single precision as `direction_score`."""
    moved = side(p, direction.up) + side(p, direction.down)
    return single(_log(moved) - _log(side(p, direction.neutral)))


def side(p: Floats, classes: tuple[int, ...]) -> Floats:
    """P of any of `classes` [n], of probabilities [n, all classes]; 0 for none."""
    total: Floats = p[:, list(classes)].sum(axis=1)
    return total


def single(score: Floats) -> Floats:
    """`score` as it is in single precision."""
    return score.astype(np.float32).astype(np.float64)


def _log(p: Floats) -> Floats:
    logged: Floats = np.log(np.maximum(p, _TINY))
    return logged


def earlier(rows: Rows, number: int) -> Bools:
    """Rows of folds before `number` whose label was known well before that fold begins, [n].

    What is fitted on earlier folds must not see a label that reaches into the fold it is used in:
    the horizon of the label is waited for, and a day, the embargo of the splits, at the least.
    """
    starts_ms = int(rows.open_ms[rows.fold == number].min())
    wait_ms = max(DAY_MS, rows.horizon_ms)
    known: Bools = (rows.fold < number) & (rows.open_ms < starts_ms - wait_ms)
    return known
