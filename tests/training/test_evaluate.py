"""The evaluation of made predictions whose truth is known."""

import time
from dataclasses import replace

import numpy as np
import pytest

from crypto_bot.domain.instant import HOUR_MS
from crypto_bot.models.families.family import HeadLogits
from crypto_bot.statistics.direction import measure_direction
from crypto_bot.statistics.rows import LONG, NO_TRADE, SHORT, Floats, Rows, direction_score
from crypto_bot.training.evaluate import (
    Evaluation,
    Predictions,
    References,
    evaluate,
    measure,
    paired_log_loss,
)

Made = tuple[Rows, HeadLogits, References]


def made(coins: int = 4, days: int = 260, seed: int = 0, move_sd: float = 0.35) -> Made:
    """Hourly rows of four folds; the logits are the truth (direction AUC about .54)."""
    rng = np.random.default_rng(seed)
    n = days * 24
    open_ms = np.tile(np.arange(n) * HOUR_MS, coins)
    fold = np.tile(np.arange(n) * 4 // n, coins)
    size = n * coins
    logits = HeadLogits(rng.normal(0.0, move_sd, size), rng.normal(0.0, 0.15, size))
    moved = rng.random(size) < 1.0 / (1.0 + np.exp(-logits.move))
    up = rng.random(size) < 1.0 / (1.0 + np.exp(-logits.up))
    label = np.where(moved, np.where(up, LONG, SHORT), NO_TRADE).astype(np.int64)
    earned = np.where(up, 1.0, -1.0) * np.where(moved, 50.0, 8.0) * rng.exponential(1.0, size)
    coin = np.repeat(np.arange(coins), n)
    rows = Rows(open_ms, coin, fold, label, earned, earned, np.full(size, 35.0), HOUR_MS)
    prior = np.tile(np.bincount(label, minlength=3) / size, (size, 1))
    return rows, logits, References(prior, prior)


def evaluated(market: Made, draws: int = 200) -> Evaluation:
    return measure(*market, trials=5, draws=draws)


def test_the_truth_is_skilled_calibrated_and_its_auc_is_found() -> None:
    got = evaluated(made())
    told = got.probabilities
    assert (got.rows, got.days, got.coins, len(got.folds)) == (24_960, 260, 4, 4)
    assert told.skill_prior.low > 0.0
    assert told.log_loss.value == pytest.approx(
        told.log_loss_prior * (1.0 - told.skill_prior.value)
    )
    assert told.ece < told.ece_floor + 0.005
    assert told.skilled_coins > 0.9
    assert got.direction.auc.low < 0.542 < got.direction.auc.high
    assert got.direction.auc.low > got.direction.placebo_95
    assert len(got.direction.placebos) == 20
    assert np.mean(got.direction.placebos) == pytest.approx(0.5, abs=0.005)
    assert sum(map(sum, got.classes.confusion)) == got.rows
    assert [report.cost_bps for report in got.returns] == [4.0, 10.0, 20.0]


def test_the_order_of_the_rows_changes_nothing() -> None:
    rows, logits, references = made(days=120)
    order = np.random.default_rng(1).permutation(len(rows))
    shuffled = Rows(
        rows.open_ms[order],
        rows.coin[order],
        rows.fold[order],
        rows.label[order],
        rows.long_bps[order],
        rows.late_bps[order],
        rows.atr_bps[order],
        rows.horizon_ms,
    )
    mixed = measure(
        shuffled,
        HeadLogits(logits.move[order], logits.up[order]),
        References(references.prior[order], references.climatology[order]),
        trials=5,
        draws=50,
    )
    plain = measure(rows, logits, references, trials=5, draws=50)
    assert mixed.classes == plain.classes
    assert mixed.direction.auc == pytest.approx(plain.direction.auc)
    assert mixed.probabilities.log_loss == pytest.approx(plain.probabilities.log_loss)
    assert [r.trades for r in mixed.returns] == [r.trades for r in plain.returns]


def test_a_fold_below_zero_teaches_and_is_not_judged() -> None:
    rows, logits, references = made(days=120)
    boastful = HeadLogits(logits.move, 3.0 * logits.up)
    first = replace(rows, fold=rows.fold - 1)
    taught = measure(first, boastful, references, trials=1, draws=50)
    assert [fold.fold for fold in taught.folds] == [0, 1, 2]
    assert taught.rows == int((rows.fold > 0).sum())
    untaught = measure(
        rows.where(rows.fold > 0),
        *(
            (HeadLogits(*(logit[rows.fold > 0] for logit in boastful))),
            References(*(p[rows.fold > 0] for p in references)),
        ),
        trials=1,
        draws=50,
    )
    assert taught.folds[0].log_loss < untaught.folds[0].log_loss


def test_the_decision_of_a_skilled_score_earns_and_of_a_late_one_less() -> None:
    rows, logits, references = made(coins=8)
    sharp = HeadLogits(logits.move, logits.up)
    late = replace(rows, late_bps=np.random.default_rng(9).permutation(rows.long_bps))
    cheap = measure(late, sharp, references, trials=1, draws=200).returns[0]
    assert cheap.trades > 50
    assert cheap.gross_bps.value > 0.0
    assert cheap.gross_bps.value > cheap.late_gross_bps.value
    assert cheap.net_bps.value == pytest.approx(cheap.gross_bps.value - 4.0)


def test_paired_log_loss_sees_which_is_better_and_that_equals_are_equal() -> None:
    rows, logits, _ = made()
    p = evaluate_probabilities(logits)
    worse = evaluate_probabilities(HeadLogits(0.2 * logits.move, logits.up))
    assert paired_log_loss(rows, p, worse, draws=200).low > 0.0
    assert paired_log_loss(rows, worse, p, draws=200).high < 0.0
    assert paired_log_loss(rows, p, p, draws=50) == (0.0, 0.0, 0.0)


def evaluate_probabilities(logits: HeadLogits) -> Floats:
    move, up = (1.0 / (1.0 + np.exp(-logit)) for logit in logits)
    return np.stack([move * (1.0 - up), 1.0 - move, move * up], axis=1)


def test_rows_of_one_side_have_no_direction_and_no_warning() -> None:
    rows, logits, _ = made(days=30)
    one_sided = replace(rows, label=np.where(rows.moved, LONG, NO_TRADE))
    got = measure_direction(one_sided, logits.up, draws=20)
    assert np.isnan([*got.auc, got.placebo_95]).all()


def test_the_score_of_probabilities_is_the_direction_logit() -> None:
    _, logits, _ = made(days=30)
    assert direction_score(evaluate_probabilities(logits)) == pytest.approx(logits.up)


def test_unequal_lengths_are_refused() -> None:
    rows, _, _ = made(days=30)
    with pytest.raises(ValueError, match="arrays of one length"):
        replace(rows, coin=rows.coin[1:])


@pytest.mark.slow
def test_nine_hundred_thousand_rows_take_seconds() -> None:
    rows, logits, references = made(coins=32, days=1_170)
    p = evaluate_probabilities(logits)
    evaluated(made(days=30), draws=10)  # compiles
    started = time.process_time()
    got = evaluate(rows, Predictions(p, logits.up), references, trials=5, draws=1_000)
    assert got.rows == 898_560
    assert time.process_time() - started < 30.0
