"""Fitting: a model for each fold, and what it and its baselines predict for rows it never saw."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from crypto_bot.models.checkpoint_store import CheckpointStore
from crypto_bot.models.families.explained import all_answers
from crypto_bot.models.families.family import (
    NEW,
    Family,
    Files,
    FittedModel,
    Model,
    Origin,
    StackedFit,
)
from crypto_bot.models.families.registered import FamilyChoice
from crypto_bot.models.scaling import scale_of
from crypto_bot.models.spec import Reads, Scaler
from crypto_bot.statistics.rows import Floats, Ints
from crypto_bot.training.baselines import REVERSAL, by_rules, references
from crypto_bot.training.evaluate import References
from crypto_bot.training.folds import FINAL, Parts
from crypto_bot.training.importance import importance_of, spread
from crypto_bot.training.jobs import (
    CURVES,
    IMPORTANCE,
    PREDICTIONS,
    REFERENCES,
    SCALER,
    Job,
    Product,
    Stage,
    Study,
    model_files,
    packed,
    packed_arrays,
)
from crypto_bot.training.panel import Panel, Question
from crypto_bot.training.plan import TrainingPlan, spec_of

MODEL = "model"
"""The name of what is judged, among its baselines."""


def fit(
    study: Study, job: Job, needed: Mapping[Job, Product], checkpoints: CheckpointStore
) -> dict[str, bytes]:
    """The product of a POOL or TUNE job; it resumes from its checkpoints."""
    return fit_product(study, job, fit_of(study, job, needed, checkpoints).alone())


def fit_of(
    study: Study, job: Job, needed: Mapping[Job, Product], checkpoints: CheckpointStore
) -> StackedFit:
    """What a job fits; the fit of a coin starts from the pool's model, if there is one."""
    choice, start = study.plan.family, None
    if job.stage is Stage.TUNE and study.plan.pooled:
        start = model_files(needed[Job(Stage.POOL, fold=job.fold)])
        choice = replace(choice, settings=study.plan.tuning)
    family = _family(study.panel, choice, study.plan.seed)
    return _asked(study.panel, family, study.rows_to_fit(job), Origin(start, checkpoints))


def fit_product(study: Study, job: Job, fitted: FittedModel) -> dict[str, bytes]:
    """A model with its learning curves, its predictions of the tested rows, or both.

    A coin's model of a fold is not needed again, only its predictions. One that starts from the
    pool's keeps the scale of the pool's columns.
    """
    product = {**fitted.files(), CURVES: packed(dict(fitted.curves))}
    panel = study.panel
    if job.fold == FINAL:
        if job.stage is Stage.POOL or not study.plan.pooled:
            product[SCALER] = packed(_scaler_over(panel, study.rows_to_fit(job)))
        return product
    ends = study.out_of_sample(job).ends
    found = all_answers(MODEL, fitted, panel.features, ends)
    return {
        **(product if job.stage is Stage.POOL else {}),
        PREDICTIONS: packed_arrays(found),
        **_importance(study, job, {MODEL: fitted}),
    }


def _importance(study: Study, job: Job, models: Mapping[str, Model]) -> dict[str, bytes]:
    """Of every column for `models`, on test rows of the last fold; of no other."""
    panel, plan = study.panel, study.plan
    if not plan.importance_rows or job.fold != study.last_fold:
        return {}
    rows = study.out_of_sample(job)
    examples = spread(panel.examples(rows.ends[rows.fold >= 0]), plan.importance_rows)
    columns, bars = panel.question.features.columns, panel.question.window_bars
    return {IMPORTANCE: packed(importance_of(models, examples, columns, bars, plan.seed))}


def fit_rows(panel: Panel, plan: TrainingPlan, rows: Parts) -> FittedModel:
    """A model of the rows of all the coins."""
    family = _family(panel, plan.family, plan.seed)
    return _asked(panel, family, rows).alone()


def load_fitted(panel: Panel, plan: TrainingPlan, files: Files) -> Model:
    """The model that a fit of this plan stored."""
    return _family(panel, plan.family, plan.seed).load(files)


def _family(panel: Panel, choice: FamilyChoice, seed: int) -> Family:
    return choice.build(spec_of(panel.question, choice), seed)


def _asked(panel: Panel, family: Family, rows: Parts, origin: Origin = NEW) -> StackedFit:
    learned = panel.examples(rows.fit) if family.overlapping else panel.separate(rows.fit)
    return StackedFit(family, learned, panel.separate(rows.validation), origin)


def _scaler_over(panel: Panel, rows: Parts) -> Scaler:
    """Mean and scale of every column over the rows that are fitted on."""
    columns = np.arange(panel.features.shape[1])
    mean, scale = scale_of(panel.features, rows.fit, columns)
    return Scaler(tuple(mean.tolist()), tuple(scale.tolist()))


def fit_baselines(study: Study, job: Job) -> dict[str, bytes]:
    """The product of a BASELINES job."""
    ends = study.out_of_sample(job).ends
    beside = baselines_of(study.panel, study.plan, study.rows_to_fit(job), ends)
    return {
        PREDICTIONS: packed_arrays(beside.p),
        REFERENCES: packed_arrays(beside.references._asdict()),
        **_importance(study, job, beside.models),
    }


class Baselines(NamedTuple):
    """P [n, classes] by name, what each must itself beat, and the plan's families among them."""

    p: dict[str, Floats]
    references: References
    models: dict[str, Model]


def baselines_of(panel: Panel, plan: TrainingPlan, rows: Parts, ends: Ints) -> Baselines:
    """The predictions of every baseline for the rows `ends` [n].

    They are as raw as a model's: calibrate them the same way.
    """
    classes, learned = len(panel.question.label.classes), panel.separate(rows.fit)
    fit_keys, keys = panel.keys(learned.ends), panel.keys(ends)
    models: dict[str, Model] = {}
    found = by_rules(plan.rules, learned.labels, fit_keys, keys, classes)
    for name, choice, reads in _fitted_baselines(panel.question, plan):
        family = choice.build(spec_of(panel.question, choice, reads), plan.seed)
        fitted = _asked(panel, family, rows).alone()
        found[name] = fitted.predict_proba(panel.features, ends)
        if name != REVERSAL:
            models[name] = fitted
    reached = references(panel.label[rows.fit], panel.keys(rows.fit), keys, classes)
    return Baselines(found, reached, models)


def _fitted_baselines(
    question: Question, plan: TrainingPlan
) -> Iterator[tuple[str, FamilyChoice, Reads | None]]:
    """Name, family, and what it reads where that is not what the family reads by itself."""
    if REVERSAL in plan.rules and question.label.direction is not None:
        one = (question.features.recent_return,)
        heads: Reads = {"move": (), "up": one}
        reads = {"classes": one} if question.label.three_way is None else heads
        yield REVERSAL, FamilyChoice("logistic_v1"), reads
    for name, choice in plan.compared:
        yield name, choice, None
