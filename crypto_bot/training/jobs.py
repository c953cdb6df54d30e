"""A training run as a graph of jobs: what each needs and makes, and what all of them share.

What a job makes is stored as bytes, arrays or JSON: nothing that is loaded can run code.
"""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from enum import StrEnum
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt
from pydantic import TypeAdapter

from crypto_bot.market_data.candle_table import CandleTable
from crypto_bot.models.families.family import Files
from crypto_bot.training.folds import FINAL, Fold, OutOfSample, Parts, out_of_sample, rows_to_fit
from crypto_bot.training.panel import Coin, Panel, Question, load_panel
from crypto_bot.training.plan import TrainingPlan

Product = Mapping[str, bytes]
"""What a job makes: named files, never a pickle."""
CURVES, SCALER, LEAKS, EVIDENCE = "curves.json", "scaler.json", "leaks.json", "evidence.json"
PREDICTIONS, REFERENCES = "predictions.npz", "references.npz"
IMPORTANCE = "importance.json"
_NOT_OF_THE_MODEL = {CURVES, SCALER, LEAKS, EVIDENCE, PREDICTIONS, REFERENCES, IMPORTANCE}
_T = TypeVar("_T")


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


@dataclass(frozen=True, slots=True)
class Draft:
    """A run without its panel, small enough to be sent to another process.

    `audited`: coins whose candles are searched for leaks, with `leader`, the series that the
    features compare with. `trained_ms`: the time that the models carry. `simulated`: whether the
    candles are those of the simulated exchange.
    """

    symbols: tuple[str, ...]
    question: Question
    plan: TrainingPlan
    folds: tuple[Fold, ...]
    audited: tuple[Coin, ...]
    leader: CandleTable | None
    trained_ms: int
    simulated: bool

    def study(self, folder: Path) -> Study:
        """With the panel that `build_panel` kept in `folder`."""
        panel = load_panel(folder, self.symbols, self.question)
        return Study(**{each.name: getattr(self, each.name) for each in fields(self)}, panel=panel)


@dataclass(frozen=True, slots=True)
class Study(Draft):
    """A run with its panel."""

    panel: Panel

    def rows_to_fit(self, job: Job) -> Parts:
        """The rows that `job` fits on and validates by: of its fold, and of its coin if any."""
        assert job.fold is not None
        rows = rows_to_fit(self.panel, self.folds, job.fold)
        return rows if job.symbol is None else rows.where(self.panel.of(job.symbol))

    @property
    def last_fold(self) -> int:
        """The number of the newest fold."""
        return len(self.folds) - 1

    def out_of_sample(self, job: Job) -> OutOfSample:
        """The rows that `job` predicts out of sample."""
        assert job.fold is not None
        assert job.fold != FINAL
        rows = out_of_sample(self.panel, self.plan, self.folds, job.fold)
        if job.symbol is None:
            return rows
        own = self.panel.of(job.symbol)[rows.ends]
        return OutOfSample(rows.ends[own], rows.fold[own])


def model_files(product: Product) -> Files:
    """The files of a model alone."""
    return {name: held for name, held in product.items() if name not in _NOT_OF_THE_MODEL}


def packed(value: object) -> bytes:
    """A dataclass, a named tuple or plain values as JSON; what is not known is NaN."""
    return json.dumps(TypeAdapter(type(value)).dump_python(value)).encode()


def unpacked(kind: type[_T], content: bytes) -> _T:
    """What `packed` made of a value of `kind`."""
    return TypeAdapter(kind).validate_json(content)


def packed_arrays(arrays: Mapping[str, npt.NDArray[Any]]) -> bytes:
    """Arrays by name."""
    content = io.BytesIO()
    np.savez(content, allow_pickle=False, **arrays)
    return content.getvalue()


def unpacked_arrays(content: bytes) -> dict[str, npt.NDArray[Any]]:
    """What `packed_arrays` made."""
    with np.load(io.BytesIO(content), allow_pickle=False) as held:
        return {name: held[name] for name in held.files}
