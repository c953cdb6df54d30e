"""What every job of a run shares, and how a job is done."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from crypto_bot.market_data.candle_table import CandleTable
from crypto_bot.models.checkpoint_store import Notebook
from crypto_bot.models.families.family import FittedHeads
from crypto_bot.models.memory import give_back
from crypto_bot.models.model import Scaler
from crypto_bot.models.scaling import scale_of
from crypto_bot.statistics.rows import Ints
from crypto_bot.training.assess import MODEL
from crypto_bot.training.folds import Fold, Parts
from crypto_bot.training.jobs import Job, Product, Stage
from crypto_bot.training.judging import judge_coin, judge_pool
from crypto_bot.training.leak_audit import audit
from crypto_bot.training.panel import Coin, Panel, Question, load_panel
from crypto_bot.training.product import (
    fitted_product,
    leaks_product,
    logits_product,
    model_files,
    references_product,
)
from crypto_bot.training.walk import (
    FINAL,
    TrainingPlan,
    asked,
    baselines_of,
    fit_coin,
    fit_pool,
    rows_of_coin,
    rows_to_fit,
)


@dataclass(frozen=True, slots=True)
class Study:
    """One run: its candles as a panel, how models are made, and how time is cut.

    `audited`: coins whose candles are looked through for leaks, with `leader`, the series that the
    features compare with. `trained_ms`: the time that the models carry.
    """

    panel: Panel
    plan: TrainingPlan
    folds: tuple[Fold, ...]
    audited: tuple[Coin, ...]
    leader: CandleTable | None
    trained_ms: int


@dataclass(frozen=True, slots=True)
class Draft:
    """A study without its panel, small enough to be sent to another process."""

    symbols: tuple[str, ...]
    question: Question
    plan: TrainingPlan
    folds: tuple[Fold, ...]
    audited: tuple[Coin, ...]
    leader: CandleTable | None
    trained_ms: int

    def study(self, folder: Path) -> Study:
        """With the panel that `build_panel` kept in `folder`."""
        panel = load_panel(folder, self.symbols, self.question)
        return Study(panel, self.plan, self.folds, self.audited, self.leader, self.trained_ms)


def perform(
    study: Study, job: Job, needed: Mapping[Job, Product], notebook: Notebook
) -> dict[str, bytes]:
    """Does `job` from the products of those it needs; the same bits wherever it is done.

    A fit goes on from its `notebook`. What it took of memory is given back. Raises TrainingError,
    and BadCandles.
    """
    try:
        return _performed(study, job, needed, notebook)
    finally:
        give_back(study.panel.features)


def _performed(
    study: Study, job: Job, needed: Mapping[Job, Product], notebook: Notebook
) -> dict[str, bytes]:
    if job.stage is Stage.AUDIT:
        return _audited(study)
    if job.stage is Stage.POOL:
        return _pool(study, _fold(job), notebook)
    if job.stage is Stage.BASELINES:
        return _baselines(study, _fold(job))
    if job.stage is Stage.TUNE:
        return _tuned(study, job, needed, notebook)
    if job.symbol is None:
        return judge_pool(study.panel, study.plan, study.folds, needed, study.trained_ms)
    return judge_coin(
        *(study.panel, study.plan, study.folds),
        symbol=job.symbol,
        needed=needed,
        trained_ms=study.trained_ms,
    )


def _fold(job: Job) -> int:
    assert job.fold is not None
    return job.fold


def _audited(study: Study) -> dict[str, bytes]:
    q, plan = study.panel.question, study.plan
    found = audit(study.audited, study.leader, q, plan.splits, plan.seed)
    return leaks_product(found.leaks)


def _baselines(study: Study, fold: int) -> dict[str, bytes]:
    panel, plan = study.panel, study.plan
    rows = rows_to_fit(panel, plan, study.folds, fold)
    told, references = baselines_of(panel, plan, rows, asked(panel, plan, study.folds, fold).ends)
    return logits_product(told) | references_product(references)


def _pool(study: Study, fold: int, notebook: Notebook) -> dict[str, bytes]:
    panel, plan = study.panel, study.plan
    rows = rows_to_fit(panel, plan, study.folds, fold)
    fitted = fit_pool(panel, plan, rows, notebook)
    if fold == FINAL:
        return fitted_product(fitted, scaler_over(panel, rows))
    ends = asked(panel, plan, study.folds, fold).ends
    return fitted_product(fitted) | answered(panel, fitted, ends)


def _tuned(
    study: Study, job: Job, needed: Mapping[Job, Product], notebook: Notebook
) -> dict[str, bytes]:
    panel, plan, fold = study.panel, study.plan, _fold(job)
    assert job.symbol is not None
    rows = rows_of_coin(panel, rows_to_fit(panel, plan, study.folds, fold), job.symbol)
    pool = None
    if plan.pooled:
        pool = model_files(needed[Job(Stage.POOL, fold=fold)])
    fitted = fit_coin(panel, plan, rows, pool, notebook)
    if fold == FINAL:
        return fitted_product(fitted, None if plan.pooled else scaler_over(panel, rows))
    ends = asked(panel, plan, study.folds, fold).ends
    own = ends[panel.coin[ends] == panel.symbols.index(job.symbol)]
    return answered(panel, fitted, own)


def answered(panel: Panel, fitted: FittedHeads, ends: Ints) -> dict[str, bytes]:
    """What a model says of the rows `ends` [n] of the panel, as a part of a product."""
    return logits_product({MODEL: fitted.logits(panel.features, ends)})


def scaler_over(panel: Panel, rows: Parts) -> Scaler:
    """Mean and scale of every column over the rows that are fitted on."""
    columns = np.arange(panel.features.shape[1])
    mean, scale = scale_of(panel.features, rows.fit.astype(np.int64), columns)
    return Scaler(tuple(mean.tolist()), tuple(scale.tolist()))
