"""Reliability: whether calls come true as often as was said, beside what chance would show."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

import numpy as np

from crypto_bot.reports.resolved import Bools, Floats, Ints
from crypto_bot.statistics.daily import MIN_CALLS, wilson

MOST_BINS = 8
DRAWS = 1_000
FLOOR_SHARE = 0.95


class Bin(NamedTuple):
    """About as many rows as any other: what was said on average, and how often it came."""

    said: float
    came: float
    n: int
    low: float
    high: float
    """Wilson's 95 % interval of `came`."""


class Leaning(StrEnum):
    """What an error beyond its noise floor means."""

    WITHIN_NOISE = "within noise"
    TOO_CONFIDENT = "too confident"
    TOO_TIMID = "too timid"


@dataclass(frozen=True, slots=True)
class Reliability:
    """Of one class against the rest; `error` and `floor` are None without enough rows."""

    bins: tuple[Bin, ...]
    n: int
    error: float | None
    """Expected calibration error: mean |said - came| over the rows, by their bins."""
    floor: float | None
    """What the same error of perfect probabilities stays below in 95 % of draws."""
    leaning: Leaning | None


def reliability(p: Floats, came: Bools, *, seed: int = 0) -> Reliability:
    """Of `p` [n], said of an event, and whether it `came` [n].

    At most 8 bins of equal mass, each with at least `MIN_CALLS` rows. Under the floor the labels
    are redrawn 1,000 times, a bin's as coin flips with its mean probability.
    """
    n = int(p.size)
    if n < MIN_CALLS:
        return Reliability((), n, None, None, None)
    gaps = bin_gaps(p, came, min(MOST_BINS, n // MIN_CALLS))
    floor = float(np.quantile(gaps.noise(np.random.default_rng(seed)), FLOOR_SHARE))
    bins = tuple(
        Bin(said, rate, rows, *wilson(rate, rows))
        for said, rate, rows in zip(
            gaps.said.tolist(), gaps.came.tolist(), gaps.rows.tolist(), strict=True
        )
    )
    leaning = _leaning(gaps.error, floor, gaps.overstated)
    return Reliability(bins, n, gaps.error, floor, leaning)


class BinGaps(NamedTuple):
    """By bin, [bins] each: rows, mean of what was said, share of what came."""

    rows: Ints
    said: Floats
    came: Floats

    @property
    def error(self) -> float:
        """Mean |said - came| over the rows."""
        return float(np.abs(self.said - self.came) @ self.rows / self.rows.sum())

    @property
    def overstated(self) -> float:
        """Mean said less came over the rows."""
        return float((self.said - self.came) @ self.rows / self.rows.sum())

    def noise(self, rng: np.random.Generator) -> Floats:
        """`error` of labels redrawn from what was said, [DRAWS]."""
        chance = self.said.clip(0.0, 1.0)
        redrawn = rng.binomial(self.rows, chance, (DRAWS, self.rows.size)) / self.rows
        errors: Floats = np.abs(redrawn - self.said) @ self.rows / self.rows.sum()
        return errors


def bin_gaps(p: Floats, came: Bools, bins: int) -> BinGaps:
    """Of rows [n] in at most so many bins of equal mass."""
    place = equal_mass(p, bins)
    rows = np.bincount(place).astype(np.int64)
    return BinGaps(rows, np.bincount(place, p) / rows, np.bincount(place, came) / rows)


def equal_mass(values: Floats, bins: int) -> Ints:
    """A bin for each value [n], numbered from 0 without gaps; equal values share one."""
    edges = np.unique(np.quantile(values, np.linspace(0.0, 1.0, bins + 1)[1:-1]))
    place = np.searchsorted(edges, values, side="right")
    return np.unique(place, return_inverse=True)[1].astype(np.int64)


def _leaning(error: float, floor: float, overstated: float) -> Leaning:
    if error <= floor:
        return Leaning.WITHIN_NOISE
    return Leaning.TOO_CONFIDENT if overstated > 0.0 else Leaning.TOO_TIMID
