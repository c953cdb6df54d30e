"""Scores of probabilities against labels: formulas on arrays, vectorised over draws."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from crypto_bot.statistics.rows import Bools, Floats, Ints

ECE_BINS = 15
AUC_BINS = 512
MIN_RANKED_COINS = 5
_FLOOR_DRAWS = 100
_FLOOR_PERCENT = 95.0
_TINY = 1e-12


def softmax(logs: Floats) -> Floats:
    """Probabilities [n, classes] that are proportional to exp(logs)."""
    raised = np.exp(logs - logs.max(axis=1, keepdims=True))
    share: Floats = raised / raised.sum(axis=1, keepdims=True)
    return share


def log_loss(p: Floats, label: Ints) -> Floats:
    """-log P(label) of each row, [n], nats; P is held above 1e-12."""
    chosen = p[np.arange(label.size), label]
    loss: Floats = -np.log(np.maximum(chosen, _TINY))
    return loss


def brier(p: Floats, label: Ints) -> Floats:
    """Sum over the classes of squared differences, [n] in 0..2."""
    missed = p.copy()
    missed[np.arange(label.size), label] -= 1.0
    squares: Floats = np.einsum("ij,ij->i", missed, missed)
    return squares


def accuracy(confusion: Floats) -> Floats:
    """[m] of confusion matrices [m, classes, classes], true label first."""
    right: Floats = np.einsum("mii->m", confusion) / _at_least_one(confusion.sum(axis=(1, 2)))
    return right


def majority(confusion: Floats) -> Floats:
    """Share of the most common label, [m]: what its constant prediction scores."""
    labels = confusion.sum(axis=2)
    share: Floats = labels.max(axis=1) / _at_least_one(labels.sum(axis=1))
    return share


def balanced_accuracy(confusion: Floats) -> Floats:
    """Mean recall of the labels that occur, [m]."""
    true = confusion.sum(axis=2)
    recall = np.einsum("mii->mi", confusion) / _at_least_one(true)
    mean: Floats = recall.sum(axis=1) / _at_least_one((true > 0).sum(axis=1))
    return mean


def macro_f1(confusion: Floats) -> Floats:
    """Mean F1 of the labels, 0 for one never hit, [m]."""
    hits = np.einsum("mii->mi", confusion)
    both = confusion.sum(axis=2) + confusion.sum(axis=1)
    f1: Floats = (2.0 * hits / _at_least_one(both)).mean(axis=1)
    return f1


def mcc(confusion: Floats) -> Floats:
    """Matthews correlation of several classes (Gorodkin 2004), 0 for a constant prediction, [m]."""
    true, predicted = confusion.sum(axis=2), confusion.sum(axis=1)
    total, hits = true.sum(axis=1), np.einsum("mii->m", confusion)
    top = hits * total - (true * predicted).sum(axis=1)
    spread = (total**2 - (predicted**2).sum(axis=1)) * (total**2 - (true**2).sum(axis=1))
    out: Floats = np.where(spread > 0.0, top / np.sqrt(np.where(spread > 0.0, spread, 1.0)), 0.0)
    return out


def _at_least_one(count: Floats) -> Floats:
    held: Floats = np.maximum(count, 1.0)
    return held


def _ranks(values: Floats, axis: int | None = None) -> Floats:
    # A second and 40 MB that an engine which serves models need not pay.
    from scipy.stats import rankdata  # noqa: PLC0415 - see above

    ranks: Floats = rankdata(values, axis=axis)
    return ranks


def auc(score: Floats, up: Bools) -> float:
    """P(score of an up row > score of a down row), ties half (Mann-Whitney); NaN with one class."""
    ups = int(up.sum())
    downs = up.size - ups
    if ups == 0 or downs == 0:
        return float("nan")
    ranks = _ranks(score)
    return float((ranks[up].sum() - ups * (ups + 1) / 2.0) / (ups * downs))


def auc_of_counts(counts: Floats) -> Floats:
    """AUC [m] of counts [m, 2 b]: up rows in b ascending score bins, then down rows; ties half."""
    up, down = np.split(counts, 2, axis=1)
    below = np.cumsum(down, axis=1) - 0.5 * down
    pairs = up.sum(axis=1) * down.sum(axis=1)
    won = (up * below).sum(axis=1)
    out: Floats = np.divide(won, pairs, out=np.full(pairs.size, np.nan), where=pairs > 0.0)
    return out


def equal_mass_bins(values: Floats, bins: int) -> Ints:
    """Bin number of each value [n], about equally many in each; equal values share a bin."""
    edges = np.unique(np.quantile(values, np.linspace(0.0, 1.0, bins + 1)[1:-1]))
    return np.searchsorted(edges, values, side="right").astype(np.int64)


class CalibrationError(NamedTuple):
    """`value`: expected calibration error; `floor`: its 95 % quantile under perfect calibration."""

    value: float
    floor: float


def calibration_error(p: Floats, label: Ints, seed: int = 0) -> CalibrationError:
    """Class-wise ECE over 15 bins of equal mass, averaged over the classes, beside its noise floor.

    The floor is the 95th percentile of the same figure over 100 redraws of the labels from `p`.
    """
    classes = p.shape[1]
    bins = np.stack([equal_mass_bins(p[:, k], ECE_BINS) for k in range(classes)], axis=1)
    bins += ECE_BINS * np.arange(classes)
    size = ECE_BINS * classes
    predicted = np.bincount(bins.ravel(), p.ravel(), minlength=size)
    rows = np.arange(label.size)

    def error(labels: Ints) -> float:
        observed = np.bincount(bins[rows, labels], minlength=size)
        return float(np.abs(observed - predicted).sum() / (label.size * classes))

    rng = np.random.default_rng(seed)
    steps = np.cumsum(p, axis=1).T[:-1].copy()
    redrawn = []
    for _ in range(_FLOOR_DRAWS):
        u = rng.random(label.size)
        redrawn.append(error(sum((u >= step).astype(np.int64) for step in steps)))
    return CalibrationError(error(label), float(np.percentile(redrawn, _FLOOR_PERCENT)))


class RankCorrelations(NamedTuple):
    """Spearman correlation across coins at each instant that had enough of them."""

    open_ms: Ints
    value: Floats


def rank_correlations(open_ms: Ints, coin: Ints, score: Floats, earned: Floats) -> RankCorrelations:
    """Of score and forward return over the coins of a bar, all [n]; ties share their mean rank.

    Bars with fewer than five coins, or where either is constant, are left out.
    """
    times, row = np.unique(open_ms, return_inverse=True)
    shape = (times.size, int(coin.max(initial=0)) + 1)
    present = np.zeros(shape, dtype=np.bool_)
    present[row, coin] = True
    centred = []
    for values in (score, earned):
        table = np.full(shape, np.inf)  # absent coins rank last and are masked below
        table[row, coin] = values
        ranks = _ranks(table, axis=1)
        count = np.maximum(present.sum(axis=1), 1)
        mean = np.where(present, ranks, 0.0).sum(axis=1) / count
        centred.append(np.where(present, ranks - mean[:, None], 0.0))
    ours, theirs = centred
    spread = np.sqrt((ours**2).sum(axis=1) * (theirs**2).sum(axis=1))
    enough = (present.sum(axis=1) >= MIN_RANKED_COINS) & (spread > 0.0)
    return RankCorrelations(times[enough], (ours * theirs).sum(axis=1)[enough] / spread[enough])
