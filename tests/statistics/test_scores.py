"""Scores agree with scikit-learn, and the noise floor with perfect calibration."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics

from crypto_bot.statistics import scores
from crypto_bot.statistics.reliability import bin_gaps

LABELS = st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2)), min_size=2, max_size=60)


@given(LABELS)
def test_class_scores_agree_with_scikit_learn(pairs: list[tuple[int, int]]) -> None:
    true, predicted = np.array(pairs).T
    table = np.zeros((1, 3, 3))
    np.add.at(table[0], (true, predicted), 1.0)
    assert scores.accuracy(table)[0] == pytest.approx(metrics.accuracy_score(true, predicted))
    constant = np.unique(predicted).size == 1 or np.unique(true).size == 1
    known = 0.0 if constant else metrics.matthews_corrcoef(true, predicted)
    assert scores.mcc(table)[0] == pytest.approx(known)
    assert scores.macro_f1(table)[0] == pytest.approx(
        metrics.f1_score(true, predicted, average="macro", labels=[0, 1, 2], zero_division=0.0)
    )
    recalls = [np.mean(predicted[true == label] == label) for label in np.unique(true)]
    assert scores.balanced_accuracy(table)[0] == pytest.approx(np.mean(recalls))
    assert scores.majority(table)[0] == np.bincount(true).max() / true.size


@given(st.lists(st.tuples(st.integers(-3, 3), st.booleans()), min_size=2, max_size=50))
def test_auc_agrees_with_scikit_learn_and_with_its_counts(pairs: list[tuple[int, bool]]) -> None:
    score = np.array([float(value) for value, _ in pairs])
    up = np.array([way for _, way in pairs])
    got = scores.auc(score, up)
    if up.all() or not up.any():
        assert np.isnan(got)
        return
    assert got == pytest.approx(metrics.roc_auc_score(up, score))
    counts = np.zeros((1, 14))
    np.add.at(counts[0], (np.where(up, score + 3, score + 10)).astype(int), 1.0)
    assert scores.auc_of_counts(counts)[0] == pytest.approx(got)


def test_log_loss_and_brier_agree_with_scikit_learn() -> None:
    rng = np.random.default_rng(0)
    p = rng.dirichlet([1.0, 2.0, 1.0], 500)
    label = rng.integers(0, 3, 500)
    assert scores.log_loss(p, label).mean() == pytest.approx(metrics.log_loss(label, p))
    assert scores.brier(p, label).mean() == pytest.approx(
        metrics.brier_score_loss(label, p, labels=[0, 1, 2], scale_by_half=False)
    )


def test_perfect_calibration_is_at_its_noise_floor_and_overconfidence_above() -> None:
    rng = np.random.default_rng(1)
    p = rng.dirichlet([10.0, 20.0, 10.0], 7_000)
    label = (rng.random(7_000)[:, None] >= np.cumsum(p, axis=1)[:, :2]).sum(axis=1)
    honest = scores.calibration_error(p, label)
    assert 0.010 < honest.floor < 0.025  # about .018 at this many rows
    assert honest.value < honest.floor + 0.005
    sure = p**3 / (p**3).sum(axis=1, keepdims=True)
    boast = scores.calibration_error(sure, label)
    assert boast.value > boast.floor + 0.05


def test_a_constant_forecast_has_one_bin_and_no_warning() -> None:
    p = np.tile([0.25, 0.5, 0.25], (400, 1))
    label = np.repeat([0, 1, 1, 2], 100)
    assert scores.calibration_error(p, label).value == pytest.approx(0.0)
    short = bin_gaps(p[:, 0], label == 0, scores.ECE_BINS)
    assert [each.tolist() for each in short] == [[400], [0.25], [0.25]]


def test_rank_correlations_are_spearmans_of_each_bar() -> None:
    open_ms = np.repeat([0, 900_000, 1_800_000], 6)
    coin = np.tile(np.arange(6), 3)
    score = np.array([1.0, 2, 3, 4, 5, 6, 1, 1, 2, 2, 3, 3, 7, 7, 7, 7, 7, 7])
    earned = np.array([2.0, 4, 6, 8, 10, 12, 9, 8, 7, 6, 5, 4, 1, 2, 3, 4, 5, 6])
    here = np.ones(18, dtype=np.bool_)
    here[[2]] = False  # one coin missing in the first bar
    got = scores.rank_correlations(open_ms[here], coin[here], score[here], earned[here])
    assert got.open_ms.tolist() == [0, 900_000]  # the third bar's scores are constant
    assert got.value == pytest.approx([1.0, -0.956183], abs=1e-6)
    few = scores.rank_correlations(open_ms[:4], coin[:4], score[:4], earned[:4])
    assert few.value.size == 0
