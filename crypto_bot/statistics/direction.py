"""Direction evidence: how well the score separates up from down, over all coins together."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from crypto_bot.domain.interval import UNKNOWN, Interval
from crypto_bot.statistics import scores
from crypto_bot.statistics.daily import whole_days
from crypto_bot.statistics.intervals import DRAWS, DayBootstrap, ratio
from crypto_bot.statistics.rows import Floats, Rows

PLACEBOS = 20
_PLACEBO_PERCENT = 95.0


@dataclass(frozen=True, slots=True)
class Direction:
    """How well the score separates up from down on the bars that moved, over all coins and folds.

    `placebos`: the AUC with the sign of whole days, or of stretches as long as the horizon,
    flipped at random, 20 times.
    """

    auc: Interval
    placebos: tuple[float, ...]
    placebo_95: float
    rank_ic: Interval
    moved: int
    coins: int


def measure_direction(rows: Rows, score: Floats, *, draws: int = DRAWS, seed: int = 0) -> Direction:
    """Direction evidence of `score` [n] on `rows`, all the coins together."""
    moved = rows.moved
    decided = rows.where(moved)
    up = decided.rose
    correlations = scores.rank_correlations(rows.open_ms, rows.coin, score, rows.long_bps)
    rank_ic = UNKNOWN
    if correlations.value.size:
        by_day = DayBootstrap(correlations.open_ms, draws, seed, horizon_ms=rows.horizon_ms)
        count = np.ones(correlations.value.size)
        rank_ic = by_day.estimate(by_day.sums(correlations.value, count), ratio)
    auc, placebos = UNKNOWN, np.full(PLACEBOS, np.nan)
    if up.any() and not up.all():
        days = DayBootstrap(decided.open_ms, draws, seed, horizon_ms=rows.horizon_ms)
        bins = scores.equal_mass_bins(score[moved], scores.AUC_BINS)
        size = 2 * scores.AUC_BINS
        cell = size * days.day + np.where(up, bins, scores.AUC_BINS + bins)
        counts = np.bincount(cell, minlength=days.days.size * size).reshape(-1, size)
        sums = counts.astype(np.float64)
        exact = scores.auc(score[moved], up)
        auc = days.estimate(sums, scores.auc_of_counts)._replace(value=exact)
        placebos = _sign_flipped(sums, whole_days(rows.horizon_ms), seed)
    return Direction(
        auc=auc,
        placebos=tuple(placebos.tolist()),
        placebo_95=float(np.percentile(placebos, _PLACEBO_PERCENT)),
        rank_ic=rank_ic,
        moved=int(moved.sum()),
        coins=int(np.unique(rows.coin).size),
    )


def _sign_flipped(sums: Floats, stretch: int, seed: int) -> Floats:
    """AUC [20] of counts [days, 2 b] with up and down exchanged on a random half of the days.

    `stretch` days are exchanged together: the outcomes of neighbouring days share their returns.
    """
    days = np.arange(sums.shape[0]) // stretch
    flip = np.random.default_rng(seed).random((PLACEBOS, days[-1] + 1))[:, days] < 0.5
    exchanged = np.roll(sums, sums.shape[1] // 2, axis=1)
    return scores.auc_of_counts(~flip @ sums + flip @ exchanged)
