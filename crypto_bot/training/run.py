"""One run: its panel is prepared, its jobs are handed to an executor, its models are published."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import structlog

from crypto_bot import __version__
from crypto_bot.domain.errors import ConfigError, TrainingError
from crypto_bot.features.sets import schema_hash
from crypto_bot.market_data.candle_table import CandleTable
from crypto_bot.statistics.metrics import as_json
from crypto_bot.training.events import (
    EpochFinished,
    Event,
    JobFailed,
    JobFinished,
    JobStarted,
    ModelNotPublished,
    Observer,
    RunStarted,
)
from crypto_bot.training.executors.executor import Executor
from crypto_bot.training.folds import folds_of
from crypto_bot.training.jobs import Draft, Graph, Job, Stage
from crypto_bot.training.panel import Coin, Question, build_panel
from crypto_bot.training.plan import TrainingPlan
from crypto_bot.training.publish import publish
from crypto_bot.training.run_store import RunStore, refused

_AUDITED = 2
"""Coins whose candles are searched for leaks: features and labels are the same for all."""
_TRAINED_MS = "trained_ms"

log = structlog.get_logger()


def prepare(
    store: RunStore,
    coins: Sequence[Coin],
    leader: CandleTable | None,
    question: Question,
    plan: TrainingPlan,
    *,
    now_ms: int,
    resume: bool,
    simulated: bool = False,
) -> Draft:
    """Puts the panel of `coins` into `store`, or finds it there where a run is resumed.

    `simulated`: whether the candles are those of the simulated exchange; the models say so.

    A resumed run keeps its time: its models come out as if it had not been stopped. Raises
    ConfigError where the store holds another run, NotEnoughData, and TrainingError where the disk
    is full.
    """
    trained_ms = _begun(store, _identity(coins, question, plan), now_ms, resume=resume)
    folds = store.folds()
    if folds is None:
        try:
            panel = build_panel(coins, leader, question, store.panel)
        except OSError as error:
            raise refused(store.panel, error) from error
        folds = tuple(folds_of(panel, plan))
        store.put_folds(folds)
    judged = [coin for coin in coins if coin.symbol in plan.judged]
    return Draft(
        symbols=tuple(coin.symbol for coin in coins),
        question=question,
        plan=plan,
        folds=folds,
        audited=tuple(judged[:_AUDITED]),
        leader=leader,
        trained_ms=trained_ms,
        simulated=simulated,
    )


def _begun(store: RunStore, identity: dict[str, Any], now_ms: int, *, resume: bool) -> int:
    """The time that the models carry: of the run in the store, or now for one that begins."""
    found = store.identity()
    if found is None or not resume:
        if found is not None:
            log.warning("train.discarded", folder=str(store.folder), reason="--resume 0")
        store.begin({**identity, _TRAINED_MS: now_ms})
        return now_ms
    differing = [name for name, value in identity.items() if found.get(name) != value]
    if differing:
        raise ConfigError(
            f"--resume 1: the unfinished run in {store.folder} was begun with other "
            f"{', '.join(differing)}; ask for the same, or begin anew with --resume 0"
        )
    log.info("train.resumed", folder=str(store.folder))
    return int(found[_TRAINED_MS])


def _identity(coins: Sequence[Coin], question: Question, plan: TrainingPlan) -> dict[str, Any]:
    """All that the products of a run depend on, as JSON."""
    return {
        "code_version": __version__,
        "timeframe": question.timeframe.name,
        "features": schema_hash(question.features),
        "label": as_json(question.label),
        "plan": as_json(plan),
        "candles": {coin.symbol: _fingerprint(coin) for coin in coins},
    }


def _fingerprint(coin: Coin) -> str:
    digest = hashlib.sha256(coin.table.fingerprint().encode())
    digest.update(str(coin.market_since_ms).encode())
    return digest.hexdigest()[:16]


@dataclass
class Driver:
    """Does every job of `graph` that is not in the store; publishes each model once it is judged.

    A job that fails takes with it the jobs that need it, and no others.
    """

    graph: Graph
    executor: Executor
    store: RunStore
    models_dir: Path
    observers: Sequence[Observer]

    def __post_init__(self) -> None:
        self._done = {job for job in self.graph if self.store.has(job)}
        self._waiting = [job for job in self.graph if job not in self._done]
        self._under_way: set[Job] = set()
        self._failed: dict[Job, str] = {}

    def run(self) -> None:
        """Works until nothing is left that can be done."""
        self._report(RunStarted(tuple(self.graph), len(self._done)))
        for job in self.graph:
            if job in self._done and job.stage is Stage.JUDGE:
                # It may have been killed between the product and its publication.
                self._publish(job)
        while self._waiting or self._under_way:
            self._hand_out()
            if not self._under_way:
                break
            self._wait()

    def _report(self, event: Event) -> None:
        for observe in self.observers:
            observe(event)

    def _hand_out(self) -> None:
        for job in list(self._waiting):
            needed = self.graph[job]
            lost = next((each for each in needed if each in self._failed), None)
            if lost is not None:
                self._waiting.remove(job)
                self._fail(job, self._failed[lost])
            elif len(self._under_way) < self.executor.slots and self._done.issuperset(needed):
                self._waiting.remove(job)
                self._under_way.add(job)
                self._report(JobStarted(job))
                self.executor.submit(job, needed)

    def _wait(self) -> None:
        event = self.executor.wait()
        self._report(event)
        if isinstance(event, EpochFinished):
            return
        self._under_way.discard(event.job)
        match event:
            case JobFailed(job, reason):
                self._fail(job, f"{job.name}: {reason}")
            case JobFinished(job):
                self._done.add(job)
                if job.stage is Stage.JUDGE:
                    self._publish(job)

    def _publish(self, job: Job) -> None:
        try:
            published = publish(job, self.store.get(job), self.models_dir)
        except TrainingError as error:
            self._done.discard(job)
            self._fail(job, str(error))
        else:
            self._report(published)

    def _fail(self, job: Job, reason: str) -> None:
        """A job that needs `job` fails for the same reason: that of the job that failed first."""
        self._failed[job] = reason
        if job.stage is Stage.JUDGE:
            self._report(ModelNotPublished(job.symbol, reason))
