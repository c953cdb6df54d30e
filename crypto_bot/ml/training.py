"""Training: candles of one or several coins to measured and judged models."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from typing import NamedTuple

import numpy as np
import structlog

from crypto_bot import __version__
from crypto_bot.domain.errors import ConfigError
from crypto_bot.features.kernel import Series
from crypto_bot.features.labels import CLASSES
from crypto_bot.features.sets import schema_hash
from crypto_bot.ml.assess import Assessment, Walked, verdict
from crypto_bot.ml.decision import TRAILING_MS
from crypto_bot.ml.families import heads
from crypto_bot.ml.family import FittedHeads
from crypto_bot.ml.fit import FittedNet, scale_of
from crypto_bot.ml.metrics import Json, as_json
from crypto_bot.ml.model import DecisionRule, ModelSpec, Scaler, Span, Trailing, TrainedModel
from crypto_bot.ml.panel import Coin, Panel, Question, build_panel
from crypto_bot.ml.plots import confusion_matrix, learning_curves, reliability_diagram
from crypto_bot.ml.rows import DAY_MS, Bools, Ints
from crypto_bot.ml.splits import Fold
from crypto_bot.ml.walk import TrainingPlan, answer_fold, fit_models, folds_of, joined, logits_of

log = structlog.get_logger()


def train(
    coins: Sequence[Coin],
    leader: Series | None,
    question: Question,
    plan: TrainingPlan,
    trained_ms: int,
) -> dict[str, TrainedModel]:
    """Models of `plan.judged`, learned from all of `coins`, measured walk-forward and judged.

    `leader` is the series that the feature set compares with, where it has one. `trained_ms`: now.
    Raises NotEnoughData, TrainingDiverged and BadCandles; ConfigError for what cannot be combined.
    """
    if plan.family.window_bars != question.window_bars:
        raise ConfigError(
            f"the family reads {plan.family.window_bars} bars, the panel has windows of "
            f"{question.window_bars}"
        )
    panel = build_panel(coins, leader, question)
    folds = folds_of(panel, plan)
    answers = joined([answer_fold(panel, plan, fold) for fold in folds])
    walked = Walked(panel, answers, plan.trials, plan.seed)
    log.info("fold.started", fold="final", fit_rows=int(panel.usable.sum()))
    final = final_fit(panel, plan, folds[-1])
    return conclude(panel, plan, walked, final, trained_ms)


class FinalFit(NamedTuple):
    """The models that are published, and the rows (of the panel) that they were fitted on."""

    models: Mapping[str, FittedHeads]
    fit: Ints


def final_fit(panel: Panel, plan: TrainingPlan, newest: Fold) -> FinalFit:
    """Fits on all history but the last days, which are validation as in a fold."""
    purge_ms = panel.horizon_ms
    begins_ms = newest.test_until_ms - plan.splits.validation_days * DAY_MS
    fit = np.flatnonzero(panel.usable & (panel.open_ms < begins_ms - purge_ms))
    beside = np.flatnonzero(panel.usable & (panel.open_ms >= begins_ms))
    return FinalFit(fit_models(panel, plan, fit, beside), fit)


def conclude(
    panel: Panel, plan: TrainingPlan, walked: Walked, final: FinalFit, trained_ms: int
) -> dict[str, TrainedModel]:
    """Measures, judges and puts together what was fitted."""
    everything = np.ones(len(walked.rows), dtype=np.bool_)
    pooled = walked.assess(everything)
    calibration = walked.calibration()
    rule = DecisionRule(walked.return_map(), plan.cost_bps)
    spec = _spec(panel.question, plan)
    scaler = _scaler(panel, final.fit)
    models = {}
    for symbol, fitted in final.models.items():
        chosen = walked.of(symbol)
        own = pooled if len(final.models) == 1 else walked.assess(chosen)
        judgement = verdict(spec.label, own, pooled)
        mine = panel.coin == panel.symbols.index(symbol)
        curves = fitted.curves if isinstance(fitted, FittedNet) else {}
        models[symbol] = TrainedModel(
            symbol=symbol,
            spec=spec,
            files=fitted.files(),
            scaler=scaler,
            calibration=calibration,
            decision=rule,
            trailing=_trailing(panel, symbol, fitted, mine),
            span=Span(
                int(panel.open_ms[mine].min()), int(panel.open_ms[mine].max()), int(mine.sum())
            ),
            pooled_with=plan.judged,
            seed=plan.seed,
            code_version=__version__,
            trained_ms=trained_ms,
            judgement=judgement,
            metrics=_metrics(panel, plan, mine, own, pooled),
            curves=curves,
            plots=_plots(walked, chosen, own, curves),
        )
        log.info(
            "train.finished",
            symbol=symbol,
            version=models[symbol].version,
            verdict=judgement.verdict.value,
            reasons=judgement.reasons,
        )
    return models


def _spec(question: Question, plan: TrainingPlan) -> ModelSpec:
    choice, features = plan.family, question.features
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


def _scaler(panel: Panel, fit: Ints) -> Scaler:
    mean, scale = scale_of(panel.examples(fit), np.arange(panel.features.shape[1]))
    return Scaler(tuple(mean.tolist()), tuple(scale.tolist()))


def _trailing(panel: Panel, symbol: str, fitted: FittedHeads, mine: Bools) -> Trailing:
    """Scores of the rows that end in the last 60 days, labelled or not."""
    newest_ms = int(panel.open_ms[mine].max())
    ends = np.flatnonzero(mine & panel.ready & (panel.open_ms > newest_ms - TRAILING_MS))
    return Trailing(panel.open_ms[ends], logits_of(panel, {symbol: fitted}, ends).up)


def _metrics(
    panel: Panel, plan: TrainingPlan, mine: Bools, own: Assessment, pooled: Assessment
) -> dict[str, Json]:
    counts = np.bincount(panel.label[mine & panel.usable], minlength=3)
    labels = dict(zip(CLASSES, counts.tolist(), strict=True))
    net = plan.family.net
    return {
        "plan": {
            "seed": plan.seed,
            "family": plan.family.name,
            "size": plan.family.size,
            "window_bars": plan.family.window_bars,
            "net": as_json(net),
            "tuning": as_json(plan.tuning),
            "splits": as_json(plan.splits),
            "learned_from": list(panel.symbols),
            "judged": list(plan.judged),
            "cost_bps": plan.cost_bps,
        },
        "labels": as_json(labels),
        "coin": as_json(own),
        "coins_together": as_json(pooled),
    }


def _plots(
    walked: Walked, chosen: Bools, own: Assessment, curves: Mapping[str, tuple[float, ...]]
) -> dict[str, bytes]:
    if find_spec("matplotlib") is None:  # a machine lent for training may have less
        return {}
    tested = chosen & walked.tested
    plots = {
        "reliability.png": reliability_diagram(
            walked.probabilities(chosen), walked.rows.label[tested]
        ),
        "confusion_matrix.png": confusion_matrix(own.model),
    }
    if curves:
        plots["learning_curves.png"] = learning_curves(curves)
    return plots
