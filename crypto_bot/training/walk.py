"""Walk-forward: a model for each fold, and what it and its baselines say of rows it never saw."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import numpy as np

from crypto_bot.domain.errors import NotEnoughData
from crypto_bot.domain.instant import DAY_MS
from crypto_bot.models.checkpoint_store import Notebook
from crypto_bot.models.families.by_name import LOGISTIC, FamilyChoice, build, heads
from crypto_bot.models.families.cnn_lstm.fit import NetSettings
from crypto_bot.models.families.family import Family, Files, FittedHeads, HeadLogits
from crypto_bot.statistics.rows import Ints
from crypto_bot.training.baselines import FoldRows, baseline_logits, references
from crypto_bot.training.evaluate import References
from crypto_bot.training.folds import Fold, Parts, SplitPlan, parts, walk_forward
from crypto_bot.training.panel import Panel, Question

TEACHER = -1
"""Fold number of the first fold's validation rows: they teach calibration and are not judged."""
FINAL = -1
"""Stands for a fold's number where the model that is published is fitted, on all history."""


@dataclass(frozen=True, slots=True)
class TrainingPlan:
    """How models are made.

    `judged` names the coins that get a model; the others of the panel are only learned from.
    `pooled`: one model learns from all the coins first. `tuning`: the pool's network goes on from
    there on each coin by itself; without it, the pool's model is every coin's.
    """

    judged: tuple[str, ...]
    family: FamilyChoice = field(default_factory=FamilyChoice)
    pooled: bool = True
    tuning: NetSettings | None = None
    splits: SplitPlan = field(default_factory=SplitPlan)
    seed: int = 0
    cost_bps: float = 10.0
    trials: int = 1

    @property
    def tuned(self) -> bool:
        """Whether each coin has a fit of its own."""
        return self.tuning is not None or not self.pooled


def needed_candles(question: Question, splits: SplitPlan) -> int:
    """About how many candles without a gap give a coin all of its folds."""
    step_ms = question.timeframe.ms
    days = splits.folds * splits.test_days + splits.validation_days + splits.least_fit_days
    embargo_ms = splits.embargo_ms(question.label.horizon.ms(question.timeframe))
    bars = (days * DAY_MS + embargo_ms) // step_ms
    around = question.features.warm_up_bars(question.timeframe) + question.window_bars
    return bars + around + 3 * question.label.horizon.bars(question.timeframe)


def folds_of(panel: Panel, plan: TrainingPlan) -> list[Fold]:
    """Folds that every judged coin has the history for. Raises NotEnoughData, saying how much."""
    q = panel.question
    spans = []
    for symbol in plan.judged:
        own = panel.usable & (panel.coin == panel.symbols.index(symbol))
        if not own.any():
            raise NotEnoughData(
                f"{symbol} has no window of {q.window_bars} candles without a gap after the first "
                f"{q.features.warm_up_bars(q.timeframe)}: use a longer or more complete history"
            )
        spans.append((panel.open_ms[own].min(), panel.open_ms[own].max(), symbol))
    first_ms, _, youngest = max(spans)
    last_ms = min(last for _, last, _ in spans)
    span = int(first_ms), int(last_ms)
    try:
        return walk_forward(plan.splits, q.timeframe, q.label.horizon.bars(q.timeframe), *span)
    except NotEnoughData as error:
        candles = int((panel.coin == panel.symbols.index(youngest)).sum())
        needed = needed_candles(q, plan.splits)
        raise NotEnoughData(
            f"{youngest} has {candles} candles and about {needed} are needed ({error})"
        ) from error


def rows_to_fit(panel: Panel, plan: TrainingPlan, folds: Sequence[Fold], fold: int) -> Parts:
    """Rows of the panel to fit on and to stop by in `fold`, and those to answer out of sample.

    The final fit takes all history but the last days, which are its validation; it has no test.
    """
    if fold != FINAL:
        return parts(folds[fold], panel.open_ms, panel.usable)
    begins_ms = folds[-1].test_until_ms - plan.splits.validation_days * DAY_MS
    fit = panel.usable & (panel.open_ms < begins_ms - panel.horizon_ms)
    beside = panel.usable & (panel.open_ms >= begins_ms)
    none = np.empty(0, dtype=np.intp)
    return Parts(np.flatnonzero(fit), np.flatnonzero(beside), none)


class Asked(NamedTuple):
    """Rows of a panel [n] that are answered out of sample, each with its fold."""

    ends: Ints
    fold: Ints


def asked(panel: Panel, plan: TrainingPlan, folds: Sequence[Fold], fold: int) -> Asked:
    """The test rows of the judged coins, and in the first fold its validation rows before them."""
    part = parts(folds[fold], panel.open_ms, panel.usable)
    judged = np.isin(panel.coin, [panel.symbols.index(symbol) for symbol in plan.judged])
    told = [(fold, part.test[judged[part.test]])]
    if fold == 0:
        told.insert(0, (TEACHER, part.validation[judged[part.validation]]))
    return Asked(
        np.concatenate([rows for _, rows in told]).astype(np.int64),
        np.concatenate([np.full(rows.size, number) for number, rows in told]),
    )


def fit_pool(
    panel: Panel, plan: TrainingPlan, rows: Parts, notebook: Notebook | None = None
) -> FittedHeads:
    """One model from the rows of all the coins."""
    return _fitted(panel, to_fit(panel, plan, None, notebook), rows.fit, rows.validation)


def fit_coin(
    panel: Panel,
    plan: TrainingPlan,
    rows: Parts,
    pool: Files | None,
    notebook: Notebook | None = None,
) -> FittedHeads:
    """A model from the rows of one coin; it goes on from the files of the pool's, if there are."""
    return _fitted(panel, to_fit(panel, plan, pool, notebook), rows.fit, rows.validation)


def to_fit(
    panel: Panel, plan: TrainingPlan, pool: Files | None, notebook: Notebook | None = None
) -> Family:
    """The family of a fit: of the pool, of a coin by itself, or of one that goes on from `pool`."""
    choice = plan.family
    if pool is not None:
        if plan.tuning is None:
            raise ValueError("the plan says nothing of tuning")
        choice = replace(choice, net=plan.tuning)
    return _family(panel, plan, choice, pool, notebook)


def rows_of_coin(panel: Panel, rows: Parts, symbol: str) -> Parts:
    """Those of one coin."""
    number = panel.symbols.index(symbol)
    return Parts(*(part[panel.coin[part] == number] for part in rows))


def load_fitted(panel: Panel, plan: TrainingPlan, files: Files) -> FittedHeads:
    """The model that a fit of this plan stored."""
    return _family(panel, plan, plan.family, None, None).load(files)


def _family(
    panel: Panel,
    plan: TrainingPlan,
    choice: FamilyChoice,
    start: Files | None,
    notebook: Notebook | None,
) -> Family:
    features = panel.question.features
    read = heads(choice.name, features)
    return build(choice, features.columns, read, seed=plan.seed, start=start, notebook=notebook)


def _fitted(panel: Panel, family: Family, fit: Ints, validation: Ints) -> FittedHeads:
    learned = panel.examples(fit)
    if family.name == LOGISTIC:  # overlapping rows would only take it longer
        learned = panel.whole(panel.thinned(fit))
    return family.fit(learned, panel.whole(panel.thinned(validation)))


def baselines_of(
    panel: Panel, plan: TrainingPlan, rows: Parts, ends: Ints
) -> tuple[dict[str, HeadLogits], References]:
    """What every baseline says of the rows `ends` [n], and what it must itself beat."""
    thin, beside = panel.thinned(rows.fit), panel.thinned(rows.validation)
    columns = panel.question.features
    move, up = (np.array(columns.indices(names)) for names in columns.columns_for("trees"))
    told = baseline_logits(
        FoldRows(
            fit=panel.whole(thin),
            validation=panel.whole(beside),
            fit_keys=panel.keys(thin),
            ends=ends,
            keys=panel.keys(ends),
            move_columns=move,
            up_columns=up,
            return_column=_hour_return(columns.columns),
            overlapping=panel.examples(rows.fit),
        ),
        seed=plan.seed,
    )
    learned = rows.fit.astype(np.int64)
    return told, references(panel.label[learned], panel.keys(learned), panel.keys(ends))


def _hour_return(columns: Sequence[str]) -> int:
    """The return over four bars, or of the last one in a set that has no other."""
    return columns.index("ret_4" if "ret_4" in columns else "returns")
