"""Walk-forward: a model for each fold, and what it and its baselines say of rows it never saw."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import numpy as np
import structlog

from crypto_bot.domain.errors import NotEnoughData
from crypto_bot.ml.baselines import FoldRows, baseline_logits, references
from crypto_bot.ml.evaluate import References
from crypto_bot.ml.families import LOGISTIC, FamilyChoice, build, heads
from crypto_bot.ml.family import Family, Files, FittedHeads, HeadLogits
from crypto_bot.ml.fit import NetSettings
from crypto_bot.ml.panel import Panel
from crypto_bot.ml.rows import DAY_MS, Ints
from crypto_bot.ml.splits import Fold, SplitPlan, parts, walk_forward

TEACHER = -1
"""Fold number of the first fold's validation rows: they teach calibration and are not judged."""

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class TrainingPlan:
    """How models are made. `tuning`: a pooled network goes on from there on each coin by itself.

    `judged` names the coins that get a model; the others of the panel are learned from alone.
    """

    judged: tuple[str, ...]
    family: FamilyChoice = field(default_factory=FamilyChoice)
    tuning: NetSettings | None = None
    splits: SplitPlan = field(default_factory=SplitPlan)
    seed: int = 0
    cost_bps: float = 10.0
    trials: int = 1


class FoldAnswers(NamedTuple):
    """Rows of a panel (`ends`, [n]) with their fold, and what was said of them out of sample."""

    ends: Ints
    fold: Ints
    logits: HeadLogits
    baselines: dict[str, HeadLogits]
    references: References


def folds_of(panel: Panel, plan: TrainingPlan) -> list[Fold]:
    """Folds that every judged coin has the history for. Raises NotEnoughData, saying how much."""
    q = panel.question
    spans = []
    for symbol in plan.judged:
        own = panel.usable & (panel.coin == panel.symbols.index(symbol))
        if not own.any():
            raise NotEnoughData(
                f"{symbol} has no window of {q.window_bars} candles without a gap after the first "
                f"{q.features.warm_up_bars}: use a longer or more complete history"
            )
        spans.append((panel.open_ms[own].min(), panel.open_ms[own].max(), symbol))
    first_ms, _, youngest = max(spans)
    last_ms = min(last for _, last, _ in spans)
    span = int(first_ms), int(last_ms)
    try:
        return walk_forward(plan.splits, q.timeframe, q.label.horizon_bars, *span)
    except NotEnoughData as error:
        candles = int((panel.coin == panel.symbols.index(youngest)).sum())
        per_day = DAY_MS // q.timeframe.ms
        s = plan.splits
        days = s.folds * s.test_days + s.validation_days + s.embargo_days + s.least_fit_days
        needed = days * per_day + q.features.warm_up_bars + q.window_bars + 3 * q.label.horizon_bars
        raise NotEnoughData(
            f"{youngest} has {candles} candles and about {needed} are needed ({error})"
        ) from error


def fit_models(
    panel: Panel, plan: TrainingPlan, fit: Ints, validation: Ints
) -> dict[str, FittedHeads]:
    """A model for each judged coin: that of all the coins, or one that goes on from there."""
    pool = fit_pool(panel, plan, fit, validation)
    if plan.tuning is None:
        return dict.fromkeys(plan.judged, pool)
    return tuned(panel, plan, pool, fit, validation)


def fit_pool(panel: Panel, plan: TrainingPlan, fit: Ints, validation: Ints) -> FittedHeads:
    """One model from the rows of all the coins."""
    return _fitted(panel, _family(panel, plan, plan.family), fit, validation)


def tuned(
    panel: Panel, plan: TrainingPlan, pool: FittedHeads, fit: Ints, validation: Ints
) -> dict[str, FittedHeads]:
    """`pool`, fitted further on the rows of each judged coin by itself."""
    if plan.tuning is None:
        raise ValueError("the plan says nothing of tuning")
    models = {}
    family = _family(panel, plan, replace(plan.family, net=plan.tuning), pool.files())
    for symbol in plan.judged:
        log.info("tuning.started", symbol=symbol)
        number = panel.symbols.index(symbol)
        own, beside = (rows[panel.coin[rows] == number] for rows in (fit, validation))
        models[symbol] = _fitted(panel, family, own, beside)
    return models


def _family(
    panel: Panel, plan: TrainingPlan, choice: FamilyChoice, start: Files | None = None
) -> Family:
    features = panel.question.features
    read = heads(choice.name, features)
    return build(choice, features.columns, read, seed=plan.seed, start=start)


def _fitted(panel: Panel, family: Family, fit: Ints, validation: Ints) -> FittedHeads:
    learned = panel.examples(fit)
    if family.name == LOGISTIC:  # overlapping rows would only take it longer
        learned = panel.whole(panel.thinned(fit))
    return family.fit(learned, panel.whole(panel.thinned(validation)))


def answer_fold(panel: Panel, plan: TrainingPlan, fold: Fold) -> FoldAnswers:
    """Fits on `fold`, then answers its test rows of the judged coins, with all the baselines."""
    part = parts(fold, panel.open_ms, panel.usable)
    log.info("fold.started", fold=fold.number, fit_rows=part.fit.size, test_rows=part.test.size)
    judged = np.isin(panel.coin, [panel.symbols.index(symbol) for symbol in plan.judged])
    asked = [(fold.number, part.test[judged[part.test]])]
    if fold.number == 0:
        asked.insert(0, (TEACHER, part.validation[judged[part.validation]]))
    ends = np.concatenate([rows for _, rows in asked]).astype(np.int64)
    models = fit_models(panel, plan, part.fit, part.validation)
    thin, beside = panel.thinned(part.fit), panel.thinned(part.validation)
    columns = panel.question.features
    move, up = (np.array(columns.indices(names)) for names in columns.trees)
    baselines = baseline_logits(
        FoldRows(
            fit=panel.whole(thin),
            validation=panel.whole(beside),
            fit_keys=panel.keys(thin),
            ends=ends,
            keys=panel.keys(ends),
            move_columns=move,
            up_columns=up,
            return_column=_hour_return(columns.columns),
            overlapping=panel.examples(part.fit),
        ),
        seed=plan.seed,
    )
    fit_rows = part.fit.astype(np.int64)
    return FoldAnswers(
        ends,
        np.concatenate([np.full(rows.size, number) for number, rows in asked]),
        logits_of(panel, models, ends),
        baselines,
        references(panel.label[fit_rows], panel.keys(fit_rows), panel.keys(ends)),
    )


def logits_of(panel: Panel, models: dict[str, FittedHeads], ends: Ints) -> HeadLogits:
    """Logits [n] of the rows `ends`, each by the model of its own coin."""
    move, up = np.full(ends.size, np.nan), np.full(ends.size, np.nan)
    for symbol, model in models.items():
        own = panel.coin[ends] == panel.symbols.index(symbol)
        move[own], up[own] = model.logits(panel.features, ends[own])
    return HeadLogits(move, up)


def joined(answers: Sequence[FoldAnswers]) -> FoldAnswers:
    """The answers of several folds as one."""
    return FoldAnswers(
        np.concatenate([each.ends for each in answers]),
        np.concatenate([each.fold for each in answers]),
        _joined_logits([each.logits for each in answers]),
        {
            name: _joined_logits([each.baselines[name] for each in answers])
            for name in answers[0].baselines
        },
        References(
            *(np.concatenate(p) for p in zip(*(each.references for each in answers), strict=True))
        ),
    )


def _joined_logits(each: Sequence[HeadLogits]) -> HeadLogits:
    return HeadLogits(*(np.concatenate(head) for head in zip(*each, strict=True)))


def _hour_return(columns: Sequence[str]) -> int:
    """The return over four bars, or of the last one in a set that has no other."""
    return columns.index("ret_4" if "ret_4" in columns else "returns")
