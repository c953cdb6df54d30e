"""Judging: the predictions of a model measured beside its baselines, its verdict, its artifact."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.util import find_spec
from typing import NamedTuple

import numpy as np

from crypto_bot import __version__
from crypto_bot.models.artifact import EVALUATION, INPUTS, artifact_files
from crypto_bot.models.decision import trailing_window
from crypto_bot.models.families.explained import shares_of
from crypto_bot.models.gates import Judgement
from crypto_bot.models.inputs import inputs_as_json
from crypto_bot.models.model import DecisionRule, Span, Trailing, TrainedModel
from crypto_bot.models.spec import Scaler
from crypto_bot.statistics.direction import Direction
from crypto_bot.statistics.drift import STEP_BARS, WINDOW_BARS, reference
from crypto_bot.statistics.intervals import DRAWS
from crypto_bot.statistics.metrics import Json, as_json
from crypto_bot.statistics.rows import Bools, score_of
from crypto_bot.training import gate
from crypto_bot.training.calibrate import (
    POOL,
    Evidence,
    Forward,
    Predicted,
    calibrations,
    evidence,
    predicted,
    probabilities,
)
from crypto_bot.training.evaluate import Evaluation, Measurements, evaluate, paired_log_loss
from crypto_bot.training.fit import MODEL, load_fitted
from crypto_bot.training.folds import FINAL
from crypto_bot.training.gate import LABEL_A, LABEL_B, OTHER_LABELS, LeakTests
from crypto_bot.training.importance import Importance, as_csv
from crypto_bot.training.jobs import (
    CURVES,
    EVIDENCE,
    IMPORTANCE,
    LEAKS,
    SCALER,
    Job,
    Product,
    Stage,
    Study,
    model_files,
    packed,
    unpacked,
)
from crypto_bot.training.known_names import as_bytes, known_names
from crypto_bot.training.panel import Question, ready_rows
from crypto_bot.training.plan import spec_of
from crypto_bot.training.plots import confusion_matrix, learning_curves, reliability_diagram

_CEILINGS = {"A": LABEL_A, "B": LABEL_B}
"""A label of which nothing is known is held to the strictest."""
IMPORTANCE_FILE = "feature_importance.csv"
_BLOCK_STEPS, _MOST_BLOCKS = 24, 1_000
"""Blocks of features are read of as many candles as a coin has in three years at 15 minutes."""
_Curves = dict[str, tuple[float, ...]]


def artifact_of(product: Product) -> dict[str, bytes]:
    """The files that a judged model is published as."""
    return {name: content for name, content in product.items() if name != EVIDENCE}


def judge(study: Study, job: Job, needed: Mapping[Job, Product]) -> dict[str, bytes]:
    """The artifact of a JUDGE job; that of the pool, with the evidence that its coins share.

    What calibrates a coin's model and what its scores earn is taken from the pool's predictions
    for all the coins: the rows of one coin are too few. Its measurements are of its own rows.
    """
    plan = study.plan
    found = predicted(study, job.symbol, needed)
    shares = plan.pooled and job.symbol is not None
    if shares:
        shown = unpacked(Evidence, needed[Job(Stage.JUDGE)][EVIDENCE])
        forward = shown.forward | ({POOL: shown.forward[MODEL]} if plan.tuned else {})
    else:
        forward = calibrations(found)
    measured = measure(found, forward, trials=plan.trials, seed=plan.seed)
    if not shares:
        shown = evidence(found, forward, measured.model.direction, as_json(measured))
    files = _artifact(_Judged(study, job, found, measured, shown), needed)
    return files if shares else {**files, EVIDENCE: packed(shown)}


def measure(
    found: Predicted, forward: Forward, *, trials: int, seed: int, draws: int = DRAWS
) -> Measurements:
    """Measures every model on the test rows, and the model's gain over each of the others.

    `trials`: how many models and rules were tried on these rows before; the model and its baselines
    are counted here.
    """
    tested = found.tested
    rows = found.rows.where(tested)
    calibrated = {name: probabilities(found, forward, name) for name in found.p}
    evaluations = {
        name: evaluate(
            found.rows,
            p,
            score_of(found.p[name], found.rows.spec),
            found.references,
            trials=trials + len(calibrated) - 1,
            draws=draws,
            seed=seed,
        )
        for name, p in calibrated.items()
    }
    ours = calibrated[MODEL][tested]
    return Measurements(
        model=evaluations.pop(MODEL),
        baselines=evaluations,
        gains={
            name: paired_log_loss(rows, ours, calibrated[name][tested], draws=draws, seed=seed)
            for name in evaluations
        },
    )


def verdict(
    question: Question, own: Evaluation, together: Direction | None, leaks: LeakTests
) -> Judgement:
    """Of a model, with the direction evidence of all the coins trained together, if there are."""
    pooled = None if together is None or together.coins == 1 else together
    ceilings = _CEILINGS.get(question.label.name, OTHER_LABELS)
    season, way = question.timeframe.season, question.label.direction
    return gate.judge(own, ceilings, pooled, leaks=leaks, season=season, way=way)


class _Judged(NamedTuple):
    """A model and what was found of it."""

    study: Study
    job: Job
    predicted: Predicted
    measured: Measurements
    evidence: Evidence

    @property
    def mine(self) -> Bools:
        """Rows of the panel that the model is about, [n]."""
        panel, symbol = self.study.panel, self.job.symbol
        return np.ones(panel.open_ms.size, np.bool_) if symbol is None else panel.of(symbol)


def _artifact(judged: _Judged, needed: Mapping[Job, Product]) -> dict[str, bytes]:
    study, symbol, shown = judged.study, judged.job.symbol, judged.evidence
    panel, plan = study.panel, study.plan
    pool = Job(Stage.POOL, fold=FINAL)
    last = pool if symbol is None or not plan.tuned else Job(Stage.TUNE, symbol, FINAL)
    final, curves = needed[last], unpacked(_Curves, needed[last][CURVES])
    together = shown.direction if plan.pooled else None
    leaks = unpacked(LeakTests, needed[Job(Stage.AUDIT)][LEAKS])
    open_ms, files = panel.open_ms[judged.mine], model_files(final)
    judgement = verdict(panel.question, judged.measured.model, together, leaks)
    people = known_names(
        *(study, symbol, judged.predicted, judged.measured),
        judgement=judgement,
        files=files,
        curves=curves,
    )
    return artifact_files(
        TrainedModel(
            symbol=symbol,
            spec=spec_of(study.question, plan.family),
            files=files,
            scaler=unpacked(Scaler, needed[pool if plan.pooled else last][SCALER]),
            calibration=shown.calibration,
            decision=DecisionRule(shown.returns, plan.cost_bps),
            trailing=_trailing(judged, final),
            span=Span(int(open_ms.min()), int(open_ms.max()), int(open_ms.size)),
            pooled_with=panel.symbols if plan.pooled else (str(symbol),),
            recipe=plan.recipe,
            seed=plan.seed,
            code_version=__version__,
            trained_ms=study.trained_ms,
            judgement=judgement,
            metrics=_metrics(judged),
            curves=curves,
            reports={
                **_reports(judged, curves, needed),
                EVALUATION: as_bytes(people),
                **_inputs(judged),
            },
            simulated=study.simulated,
            members=shares_of(load_fitted(panel, plan, files)),
        )
    )


def _trailing(judged: _Judged, final: Product) -> Trailing:
    """Scores of the coin's newest rows, labelled or not: as many as a new one is compared with.

    The pool has none: a score's place is among those of the coin that it is asked about.
    """
    panel, mine = judged.study.panel, judged.mine
    if judged.job.symbol is None:
        return Trailing(np.empty(0, np.int64), np.empty(0))
    window = trailing_window(panel.question.timeframe)
    since_ms = int(panel.open_ms[mine].max()) - window.span_ms
    ends = np.flatnonzero(mine & panel.ready & (panel.open_ms > since_ms))
    fitted = load_fitted(panel, judged.study.plan, model_files(final))
    p = fitted.predict_proba(panel.features, ends)
    return Trailing(panel.open_ms[ends], score_of(p, panel.question.label))


def _inputs(judged: _Judged) -> dict[str, bytes]:
    """What its features were like, from blocks that lie evenly over the span."""
    panel = judged.study.panel
    bars = WINDOW_BARS + _BLOCK_STEPS * STEP_BARS
    whole = ready_rows(
        panel.open_ms // panel.question.timeframe.ms, judged.mine & panel.ready, bars
    )
    ends = np.flatnonzero(whole)[::bars]
    if not ends.size:
        return {}
    chosen = ends[:: -(-ends.size // _MOST_BLOCKS)]
    blocks = np.stack([panel.features[end - bars + 1 : end + 1] for end in chosen])
    return {INPUTS: inputs_as_json(reference(blocks.astype(np.float64)))}


def _metrics(judged: _Judged) -> dict[str, Json]:
    panel, plan = judged.study.panel, judged.study.plan
    classes = panel.question.label.classes
    counts = np.bincount(panel.label[judged.mine & panel.usable], minlength=len(classes))
    return {
        "plan": {
            "seed": plan.seed,
            "family": plan.family.name,
            "size": plan.family.size,
            "window_bars": panel.question.window_bars,
            "settings": as_json(plan.family.settings),
            "pooled": plan.pooled,
            "tuning": as_json(plan.tuning),
            "splits": as_json(plan.splits),
            "learned_from": list(panel.symbols) if plan.pooled else [judged.job.symbol],
            "judged": list(plan.judged),
            "cost_bps": plan.cost_bps,
        },
        "labels": as_json(dict(zip(classes, counts.tolist(), strict=True))),
        "coin": as_json(judged.measured),
        "coins_together": judged.evidence.together,
    }


def _reports(judged: _Judged, curves: _Curves, needed: Mapping[Job, Product]) -> dict[str, bytes]:
    study, symbol = judged.study, judged.job.symbol
    last = study.last_fold
    own = Job(Stage.TUNE, symbol, last) if symbol and study.plan.tuned else None
    jobs = (own or Job(Stage.POOL, fold=last), Job(Stage.BASELINES, fold=last))
    reports = _plots(judged, curves)
    found = [needed[job][IMPORTANCE] for job in jobs if IMPORTANCE in needed[job]]
    if found:
        listed = [each for content in found for each in unpacked(tuple[Importance, ...], content)]
        reports[IMPORTANCE_FILE] = as_csv(listed)
    return reports


def _plots(judged: _Judged, curves: _Curves) -> dict[str, bytes]:
    if find_spec("matplotlib") is None:  # a machine lent for training may have less
        return {}
    found, classes = judged.predicted, judged.study.question.label.classes
    p = probabilities(found, judged.evidence.forward)[found.tested]
    plots = {
        "reliability.png": reliability_diagram(p, found.rows.label[found.tested], classes),
        "confusion_matrix.png": confusion_matrix(judged.measured.model, classes),
    }
    if curves:
        plots["learning_curves.png"] = learning_curves(curves)
    return plots
