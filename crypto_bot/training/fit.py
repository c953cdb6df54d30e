"""Fitting: a model for each fold, and what it and its baselines predict for rows it never saw."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from crypto_bot.models.checkpoint_store import Notebook
from crypto_bot.models.families.by_name import LOGISTIC, build, heads
from crypto_bot.models.families.cnn_lstm.fit import FittedNet
from crypto_bot.models.families.family import Examples, Family, Files, FittedHeads, HeadLogits
from crypto_bot.models.model import Scaler
from crypto_bot.models.scaling import scale_of
from crypto_bot.statistics.rows import Ints
from crypto_bot.training.baselines import FoldRows, baseline_logits, references
from crypto_bot.training.evaluate import References
from crypto_bot.training.folds import FINAL, Parts
from crypto_bot.training.jobs import Job, Product, Stage
from crypto_bot.training.panel import Panel
from crypto_bot.training.plan import TrainingPlan
from crypto_bot.training.products import (
    CURVES,
    PREDICTIONS,
    REFERENCES,
    SCALER,
    model_files,
    packed,
    packed_arrays,
    packed_logits,
)
from crypto_bot.training.study import Study

MODEL = "model"
"""The name of what is judged, among its baselines."""


def fit(
    study: Study, job: Job, needed: Mapping[Job, Product], checkpoints: Notebook
) -> dict[str, bytes]:
    """The product of a POOL or TUNE job; it resumes from its checkpoints."""
    family = family_of(study, job, needed, checkpoints)
    fitted = family.fit(*examples(study.panel, family, study.rows_to_fit(job)))
    return fit_product(study, job, fitted)


def family_of(
    study: Study, job: Job, needed: Mapping[Job, Product], checkpoints: Notebook
) -> Family:
    """The family of a fit; the fit of a coin starts from the pool's model, if there is one."""
    start = None
    if job.stage is Stage.TUNE and study.plan.pooled:
        start = model_files(needed[Job(Stage.POOL, fold=job.fold)])
    return _family(study.panel, study.plan, start, checkpoints)


def examples(panel: Panel, family: Family, rows: Parts) -> tuple[Examples, Examples]:
    """What `family` learns from, and what it is validated by."""
    learned = panel.examples(rows.fit)
    if family.name == LOGISTIC:  # overlapping rows would only take it longer
        learned = panel.separate(rows.fit)
    return learned, panel.separate(rows.validation)


def fit_product(study: Study, job: Job, fitted: FittedHeads) -> dict[str, bytes]:
    """A model with its learning curves, its predictions of the tested rows, or both.

    A coin's model of a fold is not needed again, only its predictions. One that starts from the
    pool's keeps the scale of the pool's columns.
    """
    curves = fitted.curves if isinstance(fitted, FittedNet) else {}
    product = {**fitted.files(), CURVES: packed(dict(curves))}
    if job.fold == FINAL:
        if job.stage is Stage.POOL or not study.plan.pooled:
            product[SCALER] = packed(_scaler_over(study.panel, study.rows_to_fit(job)))
        return product
    ends = study.out_of_sample(job).ends
    predictions = packed_logits({MODEL: fitted.logits(study.panel.features, ends)})
    return {**(product if job.stage is Stage.POOL else {}), PREDICTIONS: predictions}


def fit_rows(panel: Panel, plan: TrainingPlan, rows: Parts) -> FittedHeads:
    """A model of the rows of all the coins."""
    family = _family(panel, plan, None, None)
    return family.fit(*examples(panel, family, rows))


def load_fitted(panel: Panel, plan: TrainingPlan, files: Files) -> FittedHeads:
    """The model that a fit of this plan stored."""
    return _family(panel, plan, None, None).load(files)


def _family(
    panel: Panel, plan: TrainingPlan, start: Files | None, checkpoints: Notebook | None
) -> Family:
    features, choice = panel.question.features, plan.family
    if start is not None and plan.tuning is not None:
        choice = replace(choice, net=plan.tuning)
    read = heads(choice.name, features)
    return build(choice, features.columns, read, seed=plan.seed, start=start, notebook=checkpoints)


def _scaler_over(panel: Panel, rows: Parts) -> Scaler:
    """Mean and scale of every column over the rows that are fitted on."""
    columns = np.arange(panel.features.shape[1])
    mean, scale = scale_of(panel.features, rows.fit, columns)
    return Scaler(tuple(mean.tolist()), tuple(scale.tolist()))


def fit_baselines(study: Study, job: Job) -> dict[str, bytes]:
    """The product of a BASELINES job."""
    ends = study.out_of_sample(job).ends
    logits, reached = baselines_of(study.panel, study.plan, study.rows_to_fit(job), ends)
    return {PREDICTIONS: packed_logits(logits), REFERENCES: packed_arrays(reached._asdict())}


def baselines_of(
    panel: Panel, plan: TrainingPlan, rows: Parts, ends: Ints
) -> tuple[dict[str, HeadLogits], References]:
    """What every baseline predicts for the rows `ends` [n], and what it must itself beat."""
    separate = panel.separate(rows.fit)
    columns = panel.question.features
    move, up = (np.array(columns.indices(names)) for names in columns.columns_for("trees"))
    predictions = baseline_logits(
        FoldRows(
            fit=separate,
            validation=panel.separate(rows.validation),
            fit_keys=panel.keys(separate.ends),
            ends=ends,
            keys=panel.keys(ends),
            move_columns=move,
            up_columns=up,
            return_column=_hour_return(columns.columns),
            overlapping=panel.examples(rows.fit),
        ),
        seed=plan.seed,
    )
    return predictions, references(panel.label[rows.fit], panel.keys(rows.fit), panel.keys(ends))


def _hour_return(columns: Sequence[str]) -> int:
    """The return over four bars, or of the last one in a set that has no other."""
    return columns.index("ret_4" if "ret_4" in columns else "returns")
