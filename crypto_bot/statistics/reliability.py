"""Reliability: observed against predicted frequencies, with a noise floor."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from math import nan
from typing import NamedTuple

import numpy as np

from crypto_bot.domain.interval import Interval
from crypto_bot.statistics.daily import MIN_CALLS, wilson
from crypto_bot.statistics.rows import Bools, Floats, Ints
from crypto_bot.statistics.scores import equal_mass_bins

MOST_BINS = 8
DRAWS = 1_000
FLOOR_SHARE = 0.95


class Bin(NamedTuple):
    """A bin of equal mass: mean probability and observed frequency."""

    predicted: float
    n: int
    observed: Interval
    """With Wilson's interval."""


class Leaning(StrEnum):
    """The direction of an error beyond its noise floor."""

    WITHIN_NOISE = "within noise"
    TOO_CONFIDENT = "too confident"
    TOO_TIMID = "too timid"


@dataclass(frozen=True, slots=True)
class Reliability:
    """Of one class against the rest; `error` and `floor` are NaN without enough rows."""

    bins: tuple[Bin, ...]
    n: int
    error: float
    """Expected calibration error: mean |predicted - observed| over the rows, by their bins."""
    floor: float
    """95 % quantile of the error of perfect probabilities."""
    leaning: Leaning | None


def reliability(p: Floats, observed: Bools, *, seed: int = 0) -> Reliability:
    """Of `p` [n], probabilities of an event, and whether it was `observed` [n].

    At most 8 bins of equal mass, each with at least `MIN_CALLS` rows. Under the floor the labels
    are redrawn 1,000 times, a bin's as coin flips with its mean probability.
    """
    n = int(p.size)
    if n < MIN_CALLS:
        return Reliability((), n, nan, nan, None)
    gaps = bin_gaps(p, observed, min(MOST_BINS, n // MIN_CALLS))
    floor = float(np.quantile(gaps.noise(np.random.default_rng(seed)), FLOOR_SHARE))
    bins = tuple(
        Bin(predicted, rows, wilson(rate, rows))
        for predicted, rate, rows in zip(
            gaps.predicted.tolist(), gaps.observed.tolist(), gaps.rows.tolist(), strict=True
        )
    )
    leaning = _leaning(gaps.error, floor, gaps.overstated)
    return Reliability(bins, n, gaps.error, floor, leaning)


class BinGaps(NamedTuple):
    """By bin, [bins] each: rows, mean probability, share of rows where it happened."""

    rows: Ints
    predicted: Floats
    observed: Floats

    @property
    def error(self) -> float:
        """Mean |predicted - observed| over the rows."""
        return float(np.abs(self.predicted - self.observed) @ self.rows / self.rows.sum())

    @property
    def overstated(self) -> float:
        """Mean predicted less observed over the rows."""
        return float((self.predicted - self.observed) @ self.rows / self.rows.sum())

    def noise(self, rng: np.random.Generator) -> Floats:
        """`error` of labels redrawn from the probabilities, [DRAWS]."""
        chance = self.predicted.clip(0.0, 1.0)
        redrawn = rng.binomial(self.rows, chance, (DRAWS, self.rows.size)) / self.rows
        errors: Floats = np.abs(redrawn - self.predicted) @ self.rows / self.rows.sum()
        return errors


def bin_gaps(p: Floats, observed: Bools, bins: int) -> BinGaps:
    """Of rows [n] in at most so many bins of equal mass."""
    place = np.unique(equal_mass_bins(p, bins), return_inverse=True)[1]  # without empty bins
    rows = np.bincount(place).astype(np.int64)
    return BinGaps(rows, np.bincount(place, p) / rows, np.bincount(place, observed) / rows)


def _leaning(error: float, floor: float, overstated: float) -> Leaning:
    if error <= floor:
        return Leaning.WITHIN_NOISE
    return Leaning.TOO_CONFIDENT if overstated > 0.0 else Leaning.TOO_TIMID
