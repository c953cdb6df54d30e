"""Walk-forward folds by calendar time, the same for all coins: what may be fitted on what.

    fit | purge | validation | purge + embargo | test

Purge is the horizon of the label, the embargo that of the plan and at least a horizon. A row may be
fitted on when its whole label is known before the next part begins. Purge and embargo after
M. Lopez de Prado, Advances in Financial Machine Learning, 2018, chapter 7.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from crypto_bot.domain.errors import ConfigError, NotEnoughData
from crypto_bot.domain.instant import DAY_MS
from crypto_bot.domain.timeframe import Timeframe
from crypto_bot.statistics.rows import Bools, Ints

LEAST_FOLDS = 4
LEAST_TEST_DAYS = 250
"""Fewer of either support no claim."""


@dataclass(frozen=True, slots=True)
class SplitPlan:
    """How time is cut. `test_days` each; the first fit has at least `least_fit_days`."""

    folds: int = LEAST_FOLDS
    test_days: int = 73
    validation_days: int = 30
    embargo_days: int = 1
    least_fit_days: int = 90

    def __post_init__(self) -> None:
        told = (self.folds, self.test_days, self.validation_days, self.least_fit_days)
        if min(told) < 1 or self.embargo_days < 0:
            raise ConfigError(
                f"cannot split by {self}: folds and days are at least 1, the embargo at least 0"
            )

    def embargo_ms(self, horizon_ms: int) -> int:
        """Left out before a test, besides the purge: at least the horizon of the label."""
        return max(self.embargo_days * DAY_MS, horizon_ms)

    @property
    def supports_claims(self) -> bool:
        """Whether what is measured on these folds is enough for a claim."""
        return self.folds >= LEAST_FOLDS and self.folds * self.test_days >= LEAST_TEST_DAYS


class Fold(NamedTuple):
    """Bounds of one fold, open times in UTC ms: `from` is the first, `until` the first beyond.

    The fit reaches from the beginning to `fit_until_ms`: folds expand.
    """

    number: int
    fit_until_ms: int
    validation_from_ms: int
    validation_until_ms: int
    test_from_ms: int
    test_until_ms: int


class Parts(NamedTuple):
    """Rows (indices, ascending) of the parts of a fold."""

    fit: npt.NDArray[np.intp]
    validation: npt.NDArray[np.intp]
    test: npt.NDArray[np.intp]


def walk_forward(
    plan: SplitPlan, timeframe: Timeframe, horizon_bars: int, first_ms: int, last_ms: int
) -> list[Fold]:
    """Folds over candles that open from `first_ms` to `last_ms`, oldest first.

    The newest test ends at the end. Bounds depend on the calendar alone, so that coins share them.
    A label made at a candle looks `horizon_bars` candles ahead: so many are left out before the
    validation and before the test, besides the embargo. Raises NotEnoughData where the first fit
    would be too short.
    """
    purge_ms = horizon_bars * timeframe.ms
    end_ms = last_ms + timeframe.ms
    folds = []
    for number in range(plan.folds):
        until_ms = end_ms - (plan.folds - 1 - number) * plan.test_days * DAY_MS
        from_ms = until_ms - plan.test_days * DAY_MS
        validated_ms = from_ms - plan.embargo_ms(purge_ms) - purge_ms
        validation_ms = validated_ms - plan.validation_days * DAY_MS
        fitted_ms = validation_ms - purge_ms
        folds.append(Fold(number, fitted_ms, validation_ms, validated_ms, from_ms, until_ms))
    missing_ms = first_ms + plan.least_fit_days * DAY_MS - folds[0].fit_until_ms
    if missing_ms > 0:
        there = max(0.0, (end_ms - first_ms) / DAY_MS)
        raise NotEnoughData(
            f"{there:.1f} days of candles are too few for {plan.folds} folds of {plan.test_days} "
            f"test days: {there + missing_ms / DAY_MS:.1f} are needed; "
            "use a longer history or fewer folds"
        )
    return folds


def parts(fold: Fold, open_ms: Ints, usable: Bools) -> Parts:
    """Rows of each part of `fold` among rows [n] of any coins; only `usable` ones, with a label."""

    def between(from_ms: int | None, until_ms: int) -> npt.NDArray[np.intp]:
        chosen = usable & (open_ms < until_ms)
        if from_ms is not None:
            chosen &= open_ms >= from_ms
        return np.flatnonzero(chosen)

    return Parts(
        between(None, fold.fit_until_ms),
        between(fold.validation_from_ms, fold.validation_until_ms),
        between(fold.test_from_ms, fold.test_until_ms),
    )
