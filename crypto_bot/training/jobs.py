"""A training run as a graph of jobs: what each of them needs and makes."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import NamedTuple

from crypto_bot.training.folds import FINAL
from crypto_bot.training.plan import TrainingPlan

Product = Mapping[str, bytes]
"""What a job makes: named files, never a pickle."""


class Stage(StrEnum):
    """Kinds of jobs, in the order in which a coin meets them."""

    AUDIT = "audit"
    """Looks for leaks in features and label."""
    POOL = "pool"
    """The model of all the coins, fitted on one fold."""
    BASELINES = "baselines"
    """The predictions of simpler models for the rows of one fold."""
    TUNE = "tune"
    """The model of one coin, fitted on one fold; it starts from the pool's, if there is one."""
    JUDGE = "judge"
    """Measurements, verdict and artifact of one coin, or of the pool itself."""


class Job(NamedTuple):
    """One piece of work. `symbol` None: of all the coins; `fold` None: of all the folds."""

    stage: Stage
    symbol: str | None = None
    fold: int | None = None

    @property
    def name(self) -> str:
        """Such as `pool-0`, `tune-BTCUSDT-final`, `judge`; also a file name."""
        parts = [self.stage.value]
        if self.symbol is not None:
            parts.append(self.symbol)
        if self.fold is not None:
            parts.append("final" if self.fold == FINAL else str(self.fold))
        return "-".join(parts)


Graph = Mapping[Job, tuple[Job, ...]]
"""Jobs with those that each needs."""


def jobs_of(plan: TrainingPlan, folds: int) -> dict[Job, tuple[Job, ...]]:
    """Every job of a run with those it needs, in an order in which one worker can do them."""
    rounds = (*range(folds), FINAL)
    shared = (Job(Stage.AUDIT), *(Job(Stage.BASELINES, fold=fold) for fold in range(folds)))
    pools = tuple(Job(Stage.POOL, fold=fold) for fold in rounds) if plan.pooled else ()
    graph: dict[Job, tuple[Job, ...]] = dict.fromkeys((*pools, *shared), ())
    needed = shared
    if plan.pooled:
        graph[Job(Stage.JUDGE)] = (*pools, *shared)
        needed = (*pools, Job(Stage.JUDGE), *shared)
    for symbol in plan.judged:
        tuned = {}
        if plan.tuned:
            tuned = {Job(Stage.TUNE, symbol, f): pools[at : at + 1] for at, f in enumerate(rounds)}
        graph |= {**tuned, Job(Stage.JUDGE, symbol): (*tuned, *needed)}
    return graph
