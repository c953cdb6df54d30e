"""The rows a model is measured on: out of sample, of several coins, with what followed each."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from crypto_bot.domain.instant import DAY_MS

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

SHORT, NO_TRADE, LONG = 0, 1, 2
"""Labels, and columns of every [n, 3] array of probabilities, in the order of the domain."""


@dataclass(frozen=True, slots=True)
class Rows:
    """Labelled test rows, all arrays [n], in any order.

    `open_ms`: open of the candle at whose close the prediction is made, UTC ms. `coin`, `fold`:
    numbers from 0; folds are numbered by time. `label`: 0 SHORT, 1 NO_TRADE, 2 LONG. `long_bps`:
    gross return of a long from the next open over the label's horizon, basis points.
    `late_bps`: the same entered one bar later, NaN where unknown. `atr_bps`: ATR(14) over the close
    of the candle, basis points. `horizon_ms`: how long a trade is held.
    """

    open_ms: Ints
    coin: Ints
    fold: Ints
    label: Ints
    long_bps: Floats
    late_bps: Floats
    atr_bps: Floats
    horizon_ms: int

    def __post_init__(self) -> None:
        arrays = (self.coin, self.fold, self.label, self.long_bps, self.late_bps, self.atr_bps)
        lengths = {array.shape for array in (self.open_ms, *arrays)}
        if len(lengths) != 1 or self.open_ms.ndim != 1:
            raise ValueError(f"rows need arrays of one length, got shapes {sorted(lengths)}")

    def __len__(self) -> int:
        return int(self.open_ms.size)

    def where(self, chosen: Bools) -> Rows:
        """The rows where `chosen` [n] is true."""
        return Rows(
            self.open_ms[chosen],
            self.coin[chosen],
            self.fold[chosen],
            self.label[chosen],
            self.long_bps[chosen],
            self.late_bps[chosen],
            self.atr_bps[chosen],
            self.horizon_ms,
        )

    @property
    def moved(self) -> Bools:
        """Rows whose label is LONG or SHORT."""
        moved: Bools = self.label != NO_TRADE
        return moved


def direction_score(probabilities: Floats) -> Floats:
    """The log of P(LONG) / P(SHORT), [n]: with two heads the logit of P(up | move)."""
    tiny = np.finfo(np.float64).tiny
    score: Floats = np.log(np.maximum(probabilities[:, LONG], tiny)) - np.log(
        np.maximum(probabilities[:, SHORT], tiny)
    )
    return score


def earlier(fold: Ints, open_ms: Ints, number: int, horizon_ms: int) -> Bools:
    """Rows [n] of folds before `number` that open a day, and a horizon, before it begins.

    What is fitted on earlier folds must not see a label that reaches into the fold it is used in:
    a label ends `horizon_ms` after its candle has closed. One day is the embargo of the splits.
    """
    starts_ms = int(open_ms[fold == number].min())
    known: Bools = (fold < number) & (open_ms < starts_ms - max(DAY_MS, horizon_ms))
    return known
