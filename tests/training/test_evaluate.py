"""The evaluation of made predictions whose truth is known."""

from dataclasses import replace

import numpy as np
import pytest

from crypto_bot.models.calibration import Calibration
from crypto_bot.statistics.direction import measure_direction
from crypto_bot.statistics.rows import ARRAYS, LONG, NO_TRADE, SHORT, Bools, Ints, score_of
from crypto_bot.training import judge
from crypto_bot.training.calibrate import Predicted, calibrations
from crypto_bot.training.evaluate import Evaluation, References, paired_log_loss
from crypto_bot.training.fit import MODEL
from tests.training.made_predictions import Market, constant, market


def measure(made: Market, *, draws: int = 50) -> Evaluation:
    found = Predicted(made.rows, {MODEL: made.p}, made.references)
    return judge.measure(found, calibrations(found), trials=5, seed=0, draws=draws).model


def where(made: Market, chosen: Bools | Ints) -> Market:
    rows = replace(made.rows, **{name: getattr(made.rows, name)[chosen] for name in ARRAYS})
    return Market(rows, made.p[chosen], References(*(p[chosen] for p in made.references)))


def test_the_truth_is_skilled_calibrated_and_its_auc_is_found() -> None:
    got = measure(market(coins=4), draws=200)
    found = got.probabilities
    assert (got.rows, got.days, got.coins, len(got.folds)) == (24_960, 260, 4, 4)
    assert found.skill_prior.low > 0.0
    assert found.log_loss.value == pytest.approx(
        found.log_loss_prior * (1.0 - found.skill_prior.value)
    )
    assert found.ece < found.ece_floor + 0.005
    assert found.skilled_coins > 0.9
    assert got.direction.auc.low < 0.542 < got.direction.auc.high
    assert got.direction.auc.low > got.direction.placebo_95
    assert len(got.direction.placebos) == 20
    assert np.mean(got.direction.placebos) == pytest.approx(0.5, abs=0.005)
    assert sum(map(sum, got.classes.confusion)) == got.rows
    assert [report.cost_bps for report in got.returns] == [4.0, 10.0, 20.0]


def test_the_order_of_the_rows_changes_nothing() -> None:
    made = market(coins=4, days=120)
    order = np.random.default_rng(1).permutation(len(made.rows))
    mixed, plain = measure(where(made, order)), measure(made)
    assert mixed.classes == plain.classes
    assert mixed.direction.auc == pytest.approx(plain.direction.auc)
    assert mixed.probabilities.log_loss == pytest.approx(plain.probabilities.log_loss)
    assert [r.trades for r in mixed.returns] == [r.trades for r in plain.returns]


def test_a_fold_below_zero_calibrates_and_is_not_measured() -> None:
    made = market(coins=4, days=120)
    rows = made.rows
    boastful = made.predicted(Calibration(shrink=3.0).probabilities(made.p, rows.spec))
    calibrated = measure(replace(boastful, rows=replace(rows, fold=rows.fold - 1)))
    assert [fold.fold for fold in calibrated.folds] == [0, 1, 2]
    assert calibrated.rows == int((rows.fold > 0).sum())
    raw = measure(where(boastful, rows.fold > 0))
    assert calibrated.folds[0].log_loss < raw.folds[0].log_loss


def test_the_decision_of_a_skilled_score_earns_and_of_a_late_one_less() -> None:
    made = market(coins=8)
    late = np.random.default_rng(9).permutation(made.rows.long_bps)
    cheap = measure(replace(made, rows=replace(made.rows, late_bps=late)), draws=200).returns[0]
    assert cheap.trades > 50
    assert cheap.gross_bps.value > 0.0
    assert cheap.gross_bps.value > cheap.late_gross_bps.value
    assert cheap.net_bps.value == pytest.approx(cheap.gross_bps.value - 4.0)


def test_paired_log_loss_sees_which_is_better_and_that_equals_are_equal() -> None:
    rows, p = market(coins=4).rows, market(coins=4).p
    worse = Calibration(temperature=5.0).probabilities(p, rows.spec)
    assert paired_log_loss(rows, p, worse, draws=200).low > 0.0
    assert paired_log_loss(rows, worse, p, draws=200).high < 0.0
    assert paired_log_loss(rows, p, p, draws=50) == (0.0, 0.0, 0.0)


def test_rows_of_one_side_have_no_direction_and_no_warning() -> None:
    made = market(coins=4, days=30)
    rows = made.labelled(np.where(made.rows.moved, LONG, NO_TRADE)).rows
    got = measure_direction(rows, score_of(made.p, rows.spec), draws=20)
    assert np.isnan([*got.auc, got.placebo_95]).all()


def test_labels_without_direction_have_no_direction_and_no_trades() -> None:
    made = market(coins=4, days=120)
    plain = replace(made.rows, spec=replace(made.rows.spec, direction=None))
    got = measure(replace(made, rows=plain))
    assert got.probabilities.skill_prior.value > 0.0
    assert np.isnan([*got.direction.auc, *got.direction.rank_ic, got.direction.placebo_95]).all()
    assert [report.trades for report in got.returns] == [0, 0, 0]
    assert got.probabilities.sd_direction == pytest.approx(made.p.std(axis=0).max())


def test_two_classes_are_measured_too() -> None:
    made = market(coins=4, days=120)
    two = replace(made.rows.spec, classes=("stays", "moves"), direction=None)
    binary = replace(made.rows, spec=two, label=made.rows.moved.astype(np.int64))
    prior = constant(binary)
    p = np.column_stack([made.p[:, NO_TRADE], made.p[:, SHORT] + made.p[:, LONG]])
    got = measure(Market(binary, p, References(prior, prior)))
    assert np.array(got.classes.confusion).shape == (2, 2)
    assert len(got.classes.label_shares) == 2
    assert got.probabilities.skill_prior.value > 0.0


def test_unequal_lengths_are_refused() -> None:
    rows = market(coins=4, days=30).rows
    with pytest.raises(ValueError, match="arrays of one length"):
        replace(rows, coin=rows.coin[1:])
