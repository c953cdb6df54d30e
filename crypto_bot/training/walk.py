"""A walk forward: on each day of a span the model answers that would have existed on it.

Every step fits one model of all the coins on what came before, as a fold of training does, and
predicts the candles of the step. Probabilities are calibrated and returns expected by what earlier
steps taught. A step that is stored is not fitted again.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import NamedTuple

import numpy as np
import structlog

from crypto_bot.domain.errors import NotEnoughData
from crypto_bot.domain.instant import DAY_MS, instant
from crypto_bot.models.calibration import calibrate_forward
from crypto_bot.models.decision import Expectation, expect_forward
from crypto_bot.statistics.rows import Floats, Ints, Rows, score_of, side
from crypto_bot.training.fit import fit_rows
from crypto_bot.training.folds import CALIBRATION, Fold, parts
from crypto_bot.training.panel import Panel, Question, load_panel
from crypto_bot.training.plan import SplitPlan, TrainingPlan

log = structlog.get_logger()


class Walked(NamedTuple):
    """Answers for the candles of a span, [n] each, ordered by coin and time.

    `coin`: place among the symbols. `p` [n, 3]: of a fall, no move and a rise, calibrated. `place`
    and `long_bps` as in `models.decision.Expectation`: a decision at any cost follows from them.
    """

    open_ms: Ints
    coin: Ints
    p: Floats
    place: Floats
    long_bps: Floats

    @property
    def expectation(self) -> Expectation:
        """What a decision goes by."""
        return Expectation(self.place, self.long_bps)


@dataclass(frozen=True, slots=True)
class WalkPlan:
    """Steps of `days` days over candles that open in `[since_ms, until_ms]`, and how one is fitted.

    Of `training` the family, the seed and the splits are read: validation, embargo and the least
    days of the first fit.
    """

    since_ms: int
    until_ms: int
    days: float
    training: TrainingPlan

    def steps(self, question: Question, first_ms: int) -> list[Fold]:
        """By time; `first_ms` is the first candle to learn from. Raises NotEnoughData."""
        splits, step_ms = self.training.splits, int(self.days * DAY_MS)
        assert isinstance(splits, SplitPlan)
        purge_ms = question.label.horizon.ms(question.timeframe)
        end_ms = self.until_ms + question.timeframe.ms
        steps = []
        for number, from_ms in enumerate(range(self.since_ms, end_ms, step_ms)):
            validated_ms = from_ms - splits.embargo_ms(purge_ms) - purge_ms
            validation_ms = validated_ms - splits.validation_days * DAY_MS
            until_ms = min(from_ms + step_ms, end_ms)
            fitted_ms = validation_ms - purge_ms
            steps.append(Fold(number, fitted_ms, validation_ms, validated_ms, from_ms, until_ms))
        missing_ms = first_ms + splits.least_fit_days * DAY_MS - steps[0].fit_until_ms
        if missing_ms > 0:
            raise NotEnoughData(
                f"the first model of the walk would learn from too little: begin with --since "
                f"{instant(self.since_ms + missing_ms)[:10]} or later, or bring older candles"
            )
        return steps


class _Step(NamedTuple):
    """What a process needs to fit one step of a panel that lies in `folder`."""

    folder: Path
    symbols: tuple[str, ...]
    question: Question
    plan: TrainingPlan
    fold: Fold


def walk(folder: Path, panel: Panel, plan: WalkPlan, *, workers: int) -> Walked:
    """Fits and answers; `panel` was built with `keep_at=folder`, which takes each step's answers.

    Raises NotEnoughData.
    """
    steps = plan.steps(panel.question, int(panel.open_ms[panel.ready].min()))
    jobs = [_Step(folder, panel.symbols, panel.question, plan.training, each) for each in steps]
    waiting = [each for each in jobs if not _answers(each).exists()]
    if workers > 1 and len(waiting) > 1:
        context = get_context("spawn")
        with ProcessPoolExecutor(min(workers, len(waiting)), mp_context=context) as pool:
            list(pool.map(_fit, waiting))
    else:
        for each in waiting:
            _fit(each, panel)
    ends = [_rows(panel, each) for each in steps]
    raw = np.concatenate([np.load(_answers(each), allow_pickle=False) for each in jobs])
    numbers = [np.full(found.size, each.number) for each, found in zip(steps, ends, strict=True)]
    numbers[0][panel.open_ms[ends[0]] < steps[0].test_from_ms] = CALIBRATION
    return _walked(panel, panel.rows(np.concatenate(ends), np.concatenate(numbers)), raw, ends)


def _walked(panel: Panel, rows: Rows, raw: Floats, ends: Sequence[Ints]) -> Walked:
    known = panel.usable[np.concatenate(ends)]
    used = calibrate_forward(raw[known], rows.where(known))[1]
    p = np.empty_like(raw)
    for number in np.unique(rows.fold):
        here = rows.fold == number
        # A last step without a label that is known has the calibration of the step before.
        newest = max(each for each in used if each <= number)
        p[here] = used[newest].probabilities(raw[here], rows.spec)
    expected = expect_forward(rows, score_of(raw, rows.spec))
    way = rows.spec.direction
    assert way is not None, "a label without a direction is refused before"
    sides = np.stack([side(p, classes) for classes in way], axis=1)
    order = np.lexsort((rows.open_ms, rows.coin))
    order = order[rows.fold[order] != CALIBRATION]
    return Walked(
        *(rows.open_ms[order], rows.coin[order], sides[order]),
        *(expected.place[order], expected.long_bps[order]),
    )


def _rows(panel: Panel, step: Fold) -> Ints:
    """The candles that a step answers; the first step also its validation, to calibrate by.

    Whether a label will be known plays no part: live, nobody knows of a gap that is to come.
    """
    first_ms = step.test_from_ms if step.number else step.validation_from_ms
    chosen = panel.ready & (panel.open_ms >= first_ms) & (panel.open_ms < step.test_until_ms)
    if not step.number:
        between = (panel.open_ms >= step.validation_until_ms) & (panel.open_ms < step.test_from_ms)
        chosen &= ~between
    return np.flatnonzero(chosen)


def _answers(step: _Step) -> Path:
    return step.folder / f"answers-{step.fold.number}.npy"


def _fit(step: _Step, panel: Panel | None = None) -> None:
    """Fits a model on all before the step, and stores what it answers for it."""
    if panel is None:
        panel = load_panel(step.folder, step.symbols, step.question)
    fold = step.fold
    fitted = fit_rows(panel, step.plan, parts(fold, panel.open_ms, panel.usable))
    answers = fitted.predict_proba(panel.features, _rows(panel, fold))
    content = io.BytesIO()
    np.save(content, answers, allow_pickle=False)
    aside = _answers(step).with_suffix(".part")
    aside.write_bytes(content.getvalue())
    aside.replace(_answers(step))
    until, answered = instant(fold.fit_until_ms), instant(fold.test_from_ms)
    log.info("walk.fitted", step=fold.number, learned_until=until, answers_from=answered)
