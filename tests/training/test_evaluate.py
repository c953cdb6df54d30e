"""The evaluation of made predictions whose truth is known."""

import time
from dataclasses import replace

import numpy as np
import pytest

from crypto_bot.domain.instant import HOUR_MS
from crypto_bot.domain.label import DOWN_NEUTRAL_UP
from crypto_bot.domain.timeframe import Timeframe
from crypto_bot.models.calibration import Calibration
from crypto_bot.models.families.two_heads import HeadLogits, probabilities
from crypto_bot.statistics.direction import measure_direction
from crypto_bot.statistics.rows import ARRAYS, LONG, NO_TRADE, SHORT, Floats, Rows, direction_score
from crypto_bot.training import judge
from crypto_bot.training.calibrate import Predicted, calibrations
from crypto_bot.training.evaluate import Evaluation, References, paired_log_loss
from crypto_bot.training.fit import MODEL
from tests.models.made_specs import held

Made = tuple[Rows, Floats, References]
HOUR = Timeframe.parse("1h")
WAY = DOWN_NEUTRAL_UP


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
    rows = Rows(open_ms, coin, fold, label, earned, earned, np.full(size, 35.0), held(1), HOUR)
    prior = np.tile(np.bincount(label, minlength=3) / size, (size, 1))
    return rows, probabilities(logits, WAY), References(prior, prior)


def measure(
    rows: Rows, p: Floats, references: References, *, trials: int, draws: int
) -> Evaluation:
    found = Predicted(rows, {MODEL: p}, references)
    return judge.measure(found, calibrations(found), trials=trials, seed=0, draws=draws).model


def evaluated(market: Made, draws: int = 200) -> Evaluation:
    return measure(*market, trials=5, draws=draws)


def test_the_truth_is_skilled_calibrated_and_its_auc_is_found() -> None:
    got = evaluated(made())
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
    rows, p, references = made(days=120)
    order = np.random.default_rng(1).permutation(len(rows))
    mixed = measure(
        replace(rows, **{name: getattr(rows, name)[order] for name in ARRAYS}),
        p[order],
        References(references.prior[order], references.climatology[order]),
        trials=5,
        draws=50,
    )
    plain = measure(rows, p, references, trials=5, draws=50)
    assert mixed.classes == plain.classes
    assert mixed.direction.auc == pytest.approx(plain.direction.auc)
    assert mixed.probabilities.log_loss == pytest.approx(plain.probabilities.log_loss)
    assert [r.trades for r in mixed.returns] == [r.trades for r in plain.returns]


def test_a_fold_below_zero_calibrates_and_is_not_measured() -> None:
    rows, p, references = made(days=120)
    boastful = Calibration(shrink=3.0).probabilities(p, rows.spec)
    first = replace(rows, fold=rows.fold - 1)
    taught = measure(first, boastful, references, trials=1, draws=50)
    assert [fold.fold for fold in taught.folds] == [0, 1, 2]
    assert taught.rows == int((rows.fold > 0).sum())
    untaught = measure(
        rows.where(rows.fold > 0),
        boastful[rows.fold > 0],
        References(*(p[rows.fold > 0] for p in references)),
        trials=1,
        draws=50,
    )
    assert taught.folds[0].log_loss < untaught.folds[0].log_loss


def test_the_decision_of_a_skilled_score_earns_and_of_a_late_one_less() -> None:
    rows, sharp, references = made(coins=8)
    late = replace(rows, late_bps=np.random.default_rng(9).permutation(rows.long_bps))
    cheap = measure(late, sharp, references, trials=1, draws=200).returns[0]
    assert cheap.trades > 50
    assert cheap.gross_bps.value > 0.0
    assert cheap.gross_bps.value > cheap.late_gross_bps.value
    assert cheap.net_bps.value == pytest.approx(cheap.gross_bps.value - 4.0)


def test_paired_log_loss_sees_which_is_better_and_that_equals_are_equal() -> None:
    rows, p, _ = made()
    worse = Calibration(temperature=5.0).probabilities(p, rows.spec)
    assert paired_log_loss(rows, p, worse, draws=200).low > 0.0
    assert paired_log_loss(rows, worse, p, draws=200).high < 0.0
    assert paired_log_loss(rows, p, p, draws=50) == (0.0, 0.0, 0.0)


def test_rows_of_one_side_have_no_direction_and_no_warning() -> None:
    rows, p, _ = made(days=30)
    one_sided = replace(rows, label=np.where(rows.moved, LONG, NO_TRADE))
    got = measure_direction(one_sided, direction_score(p, WAY), draws=20)
    assert np.isnan([*got.auc, got.placebo_95]).all()


def test_labels_without_direction_have_no_direction_and_no_trades() -> None:
    rows, p, references = made(days=120)
    plain = replace(rows, spec=replace(rows.spec, direction=None))
    got = evaluated((plain, p, references), draws=20)
    assert got.probabilities.skill_prior.value > 0.0
    assert np.isnan([*got.direction.auc, *got.direction.rank_ic, got.direction.placebo_95]).all()
    assert [report.trades for report in got.returns] == [0, 0, 0]
    spread = p[rows.fold >= 0].std(axis=0).max()
    assert got.probabilities.sd_direction == pytest.approx(spread)


def test_two_classes_are_measured_too() -> None:
    rows, p, _ = made(days=120)
    two = replace(rows.spec, classes=("stays", "moves"), direction=None)
    binary = replace(rows, spec=two, label=rows.moved.astype(np.int64))
    found = np.column_stack([p[:, NO_TRADE], p[:, SHORT] + p[:, LONG]])
    prior = np.tile(found.mean(axis=0), (len(rows), 1))
    got = evaluated((binary, found, References(prior, prior)), draws=20)
    assert np.array(got.classes.confusion).shape == (2, 2)
    assert len(got.classes.label_shares) == 2
    assert got.probabilities.skill_prior.value > 0.0


def test_unequal_lengths_are_refused() -> None:
    rows, _, _ = made(days=30)
    with pytest.raises(ValueError, match="arrays of one length"):
        replace(rows, coin=rows.coin[1:])


@pytest.mark.slow
def test_nine_hundred_thousand_rows_take_seconds() -> None:
    market = made(coins=32, days=1_170)
    evaluated(made(days=30), draws=10)  # compiles
    started = time.process_time()
    got = evaluated(market, draws=1_000)
    assert got.rows == 898_560
    assert time.process_time() - started < 30.0
