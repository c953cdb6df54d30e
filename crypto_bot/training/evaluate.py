"""Measurements of one model on rows it never saw, with intervals."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from crypto_bot.domain.interval import Interval
from crypto_bot.domain.label import LabelSpec
from crypto_bot.models.decision import Expectation, expect_forward
from crypto_bot.statistics import scores
from crypto_bot.statistics.direction import Direction, measure_direction
from crypto_bot.statistics.intervals import DRAWS, DayBootstrap, Statistic, ratio
from crypto_bot.statistics.rows import Floats, Rows, side
from crypto_bot.training.returns import COSTS_BPS, TradeReport, trade_report


class References(NamedTuple):
    """What a model must beat, [n, classes] each, from fit rows alone (`baselines.references`)."""

    prior: Floats
    climatology: Floats


@dataclass(frozen=True, slots=True)
class FoldScores:
    """The same model on one test fold."""

    fold: int
    rows: int
    accuracy: float
    majority: float
    log_loss: float
    skill_prior: float
    skill_climatology: float
    direction_auc: float


@dataclass(frozen=True, slots=True)
class ClassScores:
    """Of the most probable class, beside always saying the most common one. Shares are 0..1.

    `label_shares` and `confusion` (counts, true label first) in the order of the classes.
    """

    label_shares: tuple[float, ...]
    majority: float
    accuracy: Interval
    balanced_accuracy: Interval
    macro_f1: Interval
    mcc: Interval
    confusion: tuple[tuple[int, ...], ...]


@dataclass(frozen=True, slots=True)
class ProbabilityScores:
    """Of the probabilities. Losses in nats; skills are 1 - loss / loss of the reference.

    `skilled_coins`: share of coin-folds whose skill against the prior is above 0. `ece` has no
    interval (resampling only ever raises it): it stands beside its noise floor. `sd_no_trade`,
    `sd_direction`: standard deviation of P(no move) and of P(rise) - P(fall); where the label has
    no such class or no direction, the largest standard deviation of the P of a class.
    """

    log_loss: Interval
    log_loss_prior: float
    log_loss_climatology: float
    skill_prior: Interval
    skill_climatology: Interval
    skilled_coins: float
    brier: Interval
    ece: float
    ece_floor: float
    sd_no_trade: float
    sd_direction: float


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Measurements of one model on its test rows; `days` and `folds` are those that have rows."""

    rows: int
    days: int
    coins: int
    classes: ClassScores
    probabilities: ProbabilityScores
    direction: Direction
    folds: tuple[FoldScores, ...]
    returns: tuple[TradeReport, ...]


@dataclass(frozen=True, slots=True)
class Measurements:
    """Of rows of some coins: of the model, of each baseline, and of the gains over them.

    `gains`: mean log loss of each baseline minus that of the model, nats a row, on the same rows.
    """

    model: Evaluation
    baselines: dict[str, Evaluation]
    gains: dict[str, Interval]


def evaluate(
    rows: Rows,
    p: Floats,
    score: Floats,
    references: References,
    *,
    trials: int,
    draws: int = DRAWS,
    seed: int = 0,
) -> Evaluation:
    """Decides forward over the folds and measures the predictions for the test folds.

    `p` [n, classes]: the served probabilities; `score` [n]: the direction score of the uncalibrated
    ones, because it is compared across folds and their calibration changes from fold to fold. Folds
    numbered below 0 (validation rows of the first model) are for calibration and expectation alone.
    `trials` counts every model and rule tried on these rows so far.
    """
    expectation = expect_forward(rows, score)
    tested = rows.fold >= 0
    rows = rows.where(tested)
    p, score = p[tested], score[tested]
    prior, climatology = (array[tested] for array in references)
    days = DayBootstrap(rows.open_ms, draws, seed, horizon_ms=rows.horizon_ms)
    losses = _Losses(*(scores.log_loss(q, rows.label) for q in (p, prior, climatology)))
    expected = Expectation(*(array[tested] for array in expectation))
    return Evaluation(
        rows=len(rows),
        days=int(days.days.size),
        coins=int(np.unique(rows.coin).size),
        classes=_classes(rows, p, days),
        probabilities=_probabilities(rows, p, losses, days, seed),
        direction=measure_direction(rows, score, draws=draws, seed=seed),
        folds=tuple(_fold(rows, p, score, losses, int(n)) for n in np.unique(rows.fold)),
        returns=tuple(
            trade_report(rows, expected, days, cost_bps=cost, trials=trials) for cost in COSTS_BPS
        ),
    )


def paired_log_loss(
    rows: Rows, ours: Floats, theirs: Floats, *, draws: int = DRAWS, seed: int = 0
) -> Interval:
    """Mean log loss of `theirs` minus that of `ours`, nats a row, on the same rows.

    Above 0: ours is better; the two differ where the interval leaves 0 out.
    """
    days = DayBootstrap(rows.open_ms, draws, seed, horizon_ms=rows.horizon_ms)
    gain = scores.log_loss(theirs, rows.label) - scores.log_loss(ours, rows.label)
    return days.estimate(days.sums(gain, np.ones(len(rows))), ratio)


class _Losses(NamedTuple):
    """Log loss of each row, [n] each."""

    model: Floats
    prior: Floats
    climatology: Floats


def _skill(sums: Floats) -> Floats:
    return 1.0 - ratio(sums)


def _classes(rows: Rows, p: Floats, days: DayBootstrap) -> ClassScores:
    count = p.shape[1]
    cell = count**2 * days.day + count * rows.label + p.argmax(axis=1)
    counts = np.bincount(cell, minlength=count**2 * days.days.size)
    by_day = counts.reshape(-1, count**2).astype(np.float64)
    table = by_day.sum(axis=0).reshape(1, count, count)

    def estimate(statistic: Statistic) -> Interval:
        return days.estimate(by_day, lambda sums: statistic(sums.reshape(-1, count, count)))

    return ClassScores(
        label_shares=tuple((table[0].sum(axis=1) / table.sum()).tolist()),
        majority=float(scores.majority(table)[0]),
        accuracy=estimate(scores.accuracy),
        balanced_accuracy=estimate(scores.balanced_accuracy),
        macro_f1=estimate(scores.macro_f1),
        mcc=estimate(scores.mcc),
        confusion=tuple(tuple(int(count) for count in line) for line in table[0]),
    )


def _probabilities(
    rows: Rows, p: Floats, losses: _Losses, days: DayBootstrap, seed: int
) -> ProbabilityScores:
    ones = np.ones(len(rows))
    error = scores.calibration_error(p, rows.label, seed)
    sd_neutral, sd_direction = _spreads(p, rows.spec)
    return ProbabilityScores(
        log_loss=days.estimate(days.sums(losses.model, ones), ratio),
        log_loss_prior=float(losses.prior.mean()),
        log_loss_climatology=float(losses.climatology.mean()),
        skill_prior=days.estimate(days.sums(losses.model, losses.prior), _skill),
        skill_climatology=days.estimate(days.sums(losses.model, losses.climatology), _skill),
        skilled_coins=_skilled_coins(rows, losses),
        brier=days.estimate(days.sums(scores.brier(p, rows.label), ones), ratio),
        ece=error.value,
        ece_floor=error.floor,
        sd_no_trade=sd_neutral,
        sd_direction=sd_direction,
    )


def _spreads(p: Floats, spec: LabelSpec) -> tuple[float, float]:
    way, largest = spec.direction, float(p.std(axis=0).max())
    if way is None:
        return largest, largest
    sd_direction = float((side(p, way.up) - side(p, way.down)).std())
    return float(side(p, way.neutral).std()) if way.neutral else largest, sd_direction


def _skilled_coins(rows: Rows, losses: _Losses) -> float:
    cell = (rows.fold - rows.fold.min()) * (int(rows.coin.max()) + 1) + rows.coin
    gain = np.bincount(cell, losses.prior - losses.model)[np.unique(cell)]
    return float((gain > 0.0).mean())


def _fold(rows: Rows, p: Floats, score: Floats, losses: _Losses, number: int) -> FoldScores:
    here = rows.fold == number
    label = rows.label[here]
    moved = here & rows.moved
    model = float(losses.model[here].mean())
    return FoldScores(
        fold=number,
        rows=int(here.sum()),
        accuracy=float((p[here].argmax(axis=1) == label).mean()),
        majority=float(np.bincount(label).max() / label.size),
        log_loss=model,
        skill_prior=1.0 - model / float(losses.prior[here].mean()),
        skill_climatology=1.0 - model / float(losses.climatology[here].mean()),
        direction_auc=scores.auc(score[moved], rows.rose[moved]),
    )
