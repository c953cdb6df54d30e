"""From walk-forward answers to measurements beside baselines, verdicts, and what serving needs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from crypto_bot.domain.label import LabelSpec
from crypto_bot.ml.calibrate import Calibration, calibrate_forward, fit_calibration
from crypto_bot.ml.decision import ReturnMap, fit_return_map, places
from crypto_bot.ml.evaluate import (
    Evaluation,
    Predictions,
    References,
    evaluate,
    paired_log_loss,
)
from crypto_bot.ml.family import HeadLogits
from crypto_bot.ml.gate import LABEL_A, LABEL_B, Judgement, judge
from crypto_bot.ml.intervals import DRAWS, Estimate
from crypto_bot.ml.panel import Panel
from crypto_bot.ml.rows import Bools, Floats, Rows
from crypto_bot.ml.walk import FoldAnswers

_CEILINGS = {"A": LABEL_A, "B": LABEL_B}
"""A label of which nothing is known is held to the strictest."""


class Said(NamedTuple):
    """What one model said of all the rows [n], calibrated forward over the folds."""

    probabilities: Floats
    score: Floats


@dataclass(frozen=True, slots=True)
class Assessment:
    """All measurements of rows of some coins: the model, each baseline, and the paired gains.

    `gains`: mean log loss of each baseline minus that of the model, nats a row, on the same rows.
    """

    model: Evaluation
    baselines: dict[str, Evaluation]
    gains: dict[str, Estimate]


class Walked:
    """The joined answers of all folds, measured as asked.

    Every model is calibrated on the rows of all judged coins together. `trials`: how many models
    and rules were tried on these rows before; the model and its baselines are counted here.
    """

    def __init__(self, panel: Panel, answers: FoldAnswers, trials: int, seed: int) -> None:
        self.rows: Rows = panel.rows(answers.ends, answers.fold)
        self._symbols = panel.symbols
        self._logits = answers.logits
        self._references = answers.references
        self._trials = trials + len(answers.baselines)
        self._seed = seed
        self._said = self._calibrated(answers.logits)
        self._others = {name: self._calibrated(told) for name, told in answers.baselines.items()}

    @property
    def tested(self) -> Bools:
        """Rows of test folds, [n]."""
        tested: Bools = self.rows.fold >= 0
        return tested

    def of(self, symbol: str) -> Bools:
        """Rows of one coin, [n]."""
        own: Bools = self.rows.coin == self._symbols.index(symbol)
        return own

    def assess(self, chosen: Bools, *, draws: int = DRAWS) -> Assessment:
        """Measures the rows `chosen` [n]."""
        tested = chosen & self.tested
        rows = self.rows.where(tested)
        ours = self._said.probabilities[tested]
        return Assessment(
            model=self._evaluated(self._said, chosen, draws),
            baselines={
                name: self._evaluated(said, chosen, draws) for name, said in self._others.items()
            },
            gains={
                name: paired_log_loss(
                    rows, ours, said.probabilities[tested], draws=draws, seed=self._seed
                )
                for name, said in self._others.items()
            },
        )

    def probabilities(self, chosen: Bools) -> Floats:
        """What the model said of the tested rows among `chosen`, [m, 3]."""
        return self._said.probabilities[chosen & self.tested]

    def calibration(self) -> Calibration:
        """For the model that comes next, from all the rows."""
        rows = self.rows
        return fit_calibration(self._logits, rows.label, rows.fold, rows.open_ms)

    def return_map(self) -> ReturnMap | None:
        """What places earned out of sample, for the model that comes next."""
        rows = self.rows
        at = places(rows.open_ms, rows.coin, self._logits.up)
        return fit_return_map(at, rows.long_bps / rows.atr_bps)

    def _calibrated(self, logits: HeadLogits) -> Said:
        rows = self.rows
        p, _ = calibrate_forward(logits, rows.label, rows.fold, rows.open_ms)
        return Said(p, logits.up)

    def _evaluated(self, said: Said, chosen: Bools, draws: int) -> Evaluation:
        return evaluate(
            self.rows.where(chosen),
            Predictions(*(array[chosen] for array in said)),
            References(*(p[chosen] for p in self._references)),
            trials=self._trials,
            draws=draws,
            seed=self._seed,
        )


def verdict(label: LabelSpec, own: Assessment, pooled: Assessment) -> Judgement:
    """Of a coin's model, with the direction evidence of all the coins judged together."""
    ceilings = _CEILINGS.get(label.name, LABEL_A)
    together = pooled.model.direction
    return judge(own.model, ceilings, None if together.coins == 1 else together)
