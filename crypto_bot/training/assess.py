"""From walk-forward answers to measurements beside baselines, and a verdict."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from crypto_bot.domain.interval import Interval
from crypto_bot.models.calibration import Calibration, calibrate_forward
from crypto_bot.models.families.family import HeadLogits
from crypto_bot.models.gates import Judgement
from crypto_bot.statistics.direction import Direction
from crypto_bot.statistics.intervals import DRAWS
from crypto_bot.statistics.rows import Bools, Floats, Rows
from crypto_bot.training.evaluate import (
    Evaluation,
    Predictions,
    References,
    evaluate,
    paired_log_loss,
)
from crypto_bot.training.gate import LABEL_A, LABEL_B, LeakTests, judge
from crypto_bot.training.panel import Question

MODEL = "model"
"""The name of what is judged, among its baselines."""
_CEILINGS = {"A": LABEL_A, "B": LABEL_B}
"""A label of which nothing is known is held to the strictest."""

Forward = dict[str, dict[int, Calibration]]
"""The calibration of each model by fold, fitted on the folds before."""


@dataclass(frozen=True, slots=True)
class Answers:
    """What models said of the same rows out of sample: `logits` by name, `MODEL` among them."""

    rows: Rows
    logits: dict[str, HeadLogits]
    references: References

    def of(self, coin: int) -> Answers:
        """Those of one coin, by its number."""
        own: Bools = self.rows.coin == coin
        return Answers(
            self.rows.where(own),
            {name: HeadLogits(*(head[own] for head in told)) for name, told in self.logits.items()},
            References(*(p[own] for p in self.references)),
        )

    @property
    def tested(self) -> Bools:
        """Rows of test folds, [n]."""
        tested: Bools = self.rows.fold >= 0
        return tested


@dataclass(frozen=True, slots=True)
class Assessment:
    """All measurements of rows of some coins: the model, each baseline, and the paired gains.

    `gains`: mean log loss of each baseline minus that of the model, nats a row, on the same rows.
    """

    model: Evaluation
    baselines: dict[str, Evaluation]
    gains: dict[str, Interval]


def calibrations(answers: Answers) -> Forward:
    """Of each model, for each fold what the folds before it teach."""
    rows = answers.rows
    return {
        name: calibrate_forward(told, rows.label, rows.fold, rows.open_ms, rows.horizon_ms)[1]
        for name, told in answers.logits.items()
    }


def probabilities(answers: Answers, forward: Forward, name: str = MODEL) -> Floats:
    """What the model `name` said of every row, calibrated, [n, 3]."""
    told = answers.logits[name]
    p = np.empty((len(answers.rows), 3))
    for fold, calibration in forward[name].items():
        here = answers.rows.fold == fold
        p[here] = calibration.probabilities(HeadLogits(*(head[here] for head in told)))
    return p


def assess(
    answers: Answers, forward: Forward, *, trials: int, seed: int, draws: int = DRAWS
) -> Assessment:
    """Measures every model on the test rows, and the model's gain over each of the others.

    `trials`: how many models and rules were tried on these rows before; the model and its baselines
    are counted here.
    """
    tested = answers.tested
    rows = answers.rows.where(tested)
    said = {name: probabilities(answers, forward, name) for name in answers.logits}
    evaluations = {
        name: evaluate(
            answers.rows,
            Predictions(p, answers.logits[name].up),
            answers.references,
            trials=trials + len(said) - 1,
            draws=draws,
            seed=seed,
        )
        for name, p in said.items()
    }
    ours = said[MODEL][tested]
    return Assessment(
        model=evaluations.pop(MODEL),
        baselines=evaluations,
        gains={
            name: paired_log_loss(rows, ours, said[name][tested], draws=draws, seed=seed)
            for name in evaluations
        },
    )


def verdict(
    question: Question, own: Evaluation, together: Direction | None, leaks: LeakTests
) -> Judgement:
    """Of a model, with the direction evidence of all the coins trained together, if there are."""
    pooled = None if together is None or together.coins == 1 else together
    ceilings = _CEILINGS.get(question.label.name, LABEL_A)
    return judge(own, ceilings, pooled, leaks=leaks, season=question.timeframe.season)
