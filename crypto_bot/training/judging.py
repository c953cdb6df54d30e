"""Judging: what a model said out of sample, measured beside its baselines, and its artifact."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from typing import NamedTuple

import numpy as np

from crypto_bot import __version__
from crypto_bot.features.sets import schema_hash
from crypto_bot.models.artifact import artifact_files
from crypto_bot.models.decision import TRAILING_MS
from crypto_bot.models.families.by_name import heads
from crypto_bot.models.families.family import HeadLogits
from crypto_bot.models.model import DecisionRule, ModelSpec, Span, Trailing, TrainedModel
from crypto_bot.statistics.metrics import Json, as_json
from crypto_bot.statistics.rows import Bools
from crypto_bot.training.assess import (
    MODEL,
    Answers,
    Assessment,
    assess,
    calibrations,
    probabilities,
    verdict,
)
from crypto_bot.training.evaluate import References
from crypto_bot.training.evidence import Evidence, evidence, packed, unpacked
from crypto_bot.training.folds import Fold
from crypto_bot.training.jobs import Job, Product, Stage
from crypto_bot.training.panel import Panel
from crypto_bot.training.plots import confusion_matrix, learning_curves, reliability_diagram
from crypto_bot.training.product import (
    Curves,
    curves_of,
    leaks_of,
    logits_of,
    model_files,
    references_of,
    scaler_of,
)
from crypto_bot.training.walk import FINAL, TrainingPlan, asked, load_fitted

POOL = "pool"
"""The pool's network among the baselines of one that was tuned from it."""
_EVIDENCE = "evidence.json"


def artifact_of(product: Product) -> dict[str, bytes]:
    """The files that a judged model is published as."""
    return {name: content for name, content in product.items() if name != _EVIDENCE}


class _Judged(NamedTuple):
    """A run's shared things, and whose model it is: None is the pool of all."""

    panel: Panel
    plan: TrainingPlan
    symbol: str | None
    trained_ms: int

    @property
    def mine(self) -> Bools:
        """Rows of the panel that the model is about, [n]."""
        if self.symbol is None:
            return np.ones(self.panel.open_ms.size, np.bool_)
        own: Bools = self.panel.coin == self.panel.symbols.index(self.symbol)
        return own


def judge_pool(
    panel: Panel,
    plan: TrainingPlan,
    folds: Sequence[Fold],
    needed: Mapping[Job, Product],
    trained_ms: int,
) -> dict[str, bytes]:
    """The pool's artifact, and the evidence that all the coins lean on."""
    answers = _answers(panel, plan, folds, needed)
    forward = calibrations(answers)
    assessment = assess(answers, forward, trials=plan.trials, seed=plan.seed)
    told = evidence(answers, forward, assessment, MODEL)
    judged = _Judged(panel, plan, None, trained_ms)
    final = needed[Job(Stage.POOL, fold=FINAL)]
    files = _artifact(judged, answers, assessment, told, final=final, needed=needed)
    return {**files, _EVIDENCE: packed(told)}


def judge_coin(
    panel: Panel,
    plan: TrainingPlan,
    folds: Sequence[Fold],
    *,
    symbol: str,
    needed: Mapping[Job, Product],
    trained_ms: int,
) -> dict[str, bytes]:
    """The artifact of one coin's model.

    What calibrates it and what its scores earn is taken from the pool's answers to the rows of all
    the coins: those of one coin are too few. Its own figures are of its own answers under that.
    """
    answers = _answers(panel, plan, folds, needed).of(panel.symbols.index(symbol))
    if plan.tuned:
        rounds = range(len(folds))
        own = [logits_of(needed[Job(Stage.TUNE, symbol, fold)])[MODEL] for fold in rounds]
        if plan.pooled:
            answers.logits[POOL] = answers.logits[MODEL]
        answers.logits[MODEL] = _joined(own)
    if plan.pooled:
        told = unpacked(needed[Job(Stage.JUDGE)][_EVIDENCE])
        forward = told.forward | ({POOL: told.forward[MODEL]} if plan.tuned else {})
    else:
        forward = calibrations(answers)
    assessment = assess(answers, forward, trials=plan.trials, seed=plan.seed)
    if not plan.pooled:
        told = evidence(answers, forward, assessment, MODEL)
    judged = _Judged(panel, plan, symbol, trained_ms)
    last = Job(Stage.TUNE, symbol, FINAL) if plan.tuned else Job(Stage.POOL, fold=FINAL)
    return _artifact(judged, answers, assessment, told, final=needed[last], needed=needed)


def _answers(
    panel: Panel, plan: TrainingPlan, folds: Sequence[Fold], needed: Mapping[Job, Product]
) -> Answers:
    """The pool's answers, where there is one, and those of all baselines, over all folds."""
    rounds = range(len(folds))
    rows = [asked(panel, plan, folds, fold) for fold in rounds]
    beside = [needed[Job(Stage.BASELINES, fold=fold)] for fold in rounds]
    told = [logits_of(product) for product in beside]
    logits = {}
    if plan.pooled:
        logits[MODEL] = _joined(
            [logits_of(needed[Job(Stage.POOL, fold=fold)])[MODEL] for fold in rounds]
        )
    logits |= {name: _joined([each[name] for each in told]) for name in told[0]}
    references = [references_of(product) for product in beside]
    return Answers(
        panel.rows(
            np.concatenate([each.ends for each in rows]),
            np.concatenate([each.fold for each in rows]),
        ),
        logits,
        References(*(np.concatenate(p) for p in zip(*references, strict=True))),
    )


def _joined(each: Sequence[HeadLogits]) -> HeadLogits:
    return HeadLogits(*(np.concatenate(head) for head in zip(*each, strict=True)))


def _artifact(
    judged: _Judged,
    answers: Answers,
    own: Assessment,
    told: Evidence,
    *,
    final: Product,
    needed: Mapping[Job, Product],
) -> dict[str, bytes]:
    panel, plan = judged.panel, judged.plan
    spec = _spec(judged)
    together = told.direction if plan.pooled else None
    leaks = leaks_of(needed[Job(Stage.AUDIT)])
    mine, curves = judged.mine, curves_of(final)
    open_ms = panel.open_ms[mine]
    scaled = needed[Job(Stage.POOL, fold=FINAL)] if plan.pooled else final
    return artifact_files(
        TrainedModel(
            symbol=judged.symbol,
            spec=spec,
            files=model_files(final),
            scaler=scaler_of(scaled),
            calibration=told.calibration,
            decision=DecisionRule(told.returns, plan.cost_bps),
            trailing=_trailing(judged, final),
            span=Span(int(open_ms.min()), int(open_ms.max()), int(open_ms.size)),
            pooled_with=panel.symbols if plan.pooled else (str(judged.symbol),),
            seed=plan.seed,
            code_version=__version__,
            trained_ms=judged.trained_ms,
            judgement=verdict(panel.question, own.model, together, leaks),
            metrics=_metrics(judged, own, told),
            curves=curves,
            plots=_plots(answers, told, own, curves),
        )
    )


def _spec(judged: _Judged) -> ModelSpec:
    question, choice = judged.panel.question, judged.plan.family
    features = question.features
    read = heads(choice.name, features)
    return ModelSpec(
        family=choice.name,
        size=choice.size,
        timeframe=question.timeframe.name,
        features=features.name,
        schema_hash=schema_hash(features),
        columns=features.columns,
        move_columns=read.move,
        direction_columns=read.direction,
        window_bars=question.window_bars,
        label=question.label,
    )


def _trailing(judged: _Judged, final: Product) -> Trailing:
    """Scores of the coin's rows that end in the last 60 days, labelled or not.

    The pool has none: a score's place is among those of the coin that it is asked about.
    """
    panel, mine = judged.panel, judged.mine
    if judged.symbol is None:
        none = np.empty(0)
        return Trailing(none.astype(np.int64), none)
    newest_ms = int(panel.open_ms[mine].max())
    ends = np.flatnonzero(mine & panel.ready & (panel.open_ms > newest_ms - TRAILING_MS))
    fitted = load_fitted(panel, judged.plan, model_files(final))
    return Trailing(panel.open_ms[ends], fitted.logits(panel.features, ends).up)


def _metrics(judged: _Judged, own: Assessment, told: Evidence) -> dict[str, Json]:
    panel, plan = judged.panel, judged.plan
    classes = panel.question.label.classes
    counts = np.bincount(panel.label[judged.mine & panel.usable], minlength=len(classes))
    return {
        "plan": {
            "seed": plan.seed,
            "family": plan.family.name,
            "size": plan.family.size,
            "window_bars": plan.family.window_bars,
            "net": as_json(plan.family.net),
            "pooled": plan.pooled,
            "tuning": as_json(plan.tuning),
            "splits": as_json(plan.splits),
            "learned_from": list(panel.symbols) if plan.pooled else [judged.symbol],
            "judged": list(plan.judged),
            "cost_bps": plan.cost_bps,
        },
        "labels": as_json(dict(zip(classes, counts.tolist(), strict=True))),
        "coin": as_json(own),
        "coins_together": told.together,
    }


def _plots(answers: Answers, told: Evidence, own: Assessment, curves: Curves) -> dict[str, bytes]:
    if find_spec("matplotlib") is None:  # a machine lent for training may have less
        return {}
    tested = answers.tested
    p = probabilities(answers, told.forward)[tested]
    plots = {
        "reliability.png": reliability_diagram(p, answers.rows.label[tested]),
        "confusion_matrix.png": confusion_matrix(own.model),
    }
    if curves:
        plots["learning_curves.png"] = learning_curves(curves)
    return plots
