"""What the driver of a run needs from an executor, and how each executor does a job."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Mapping
from typing import Protocol

import torch

from crypto_bot.domain.errors import CryptoBotError
from crypto_bot.models.checkpoint_store import CheckpointStore, EpochReport
from crypto_bot.models.memory import give_back
from crypto_bot.training.events import EpochFinished, JobEvent, JobFailed, JobFinished
from crypto_bot.training.fit import fit, fit_baselines
from crypto_bot.training.jobs import LEAKS, Job, Product, Stage, Study, packed
from crypto_bot.training.judge import judge
from crypto_bot.training.leak_audit import audit
from crypto_bot.training.run_store import RunStore


class Executor(Protocol):
    """Does jobs, at most `slots` at a time."""

    @property
    def slots(self) -> int:
        """So many jobs can be under way."""

    def submit(self, job: Job, needed: tuple[Job, ...]) -> None:
        """Takes a job whose `needed` products are in the run store."""

    def wait(self) -> JobEvent:
        """Blocks until the next event. Every job submitted finishes or fails, once."""

    def close(self) -> None:
        """Ends what is under way; its checkpoints stay."""


class JobCheckpoints:
    """The checkpoints of one job in a run store."""

    def __init__(self, store: RunStore, job: Job, observe: Callable[[EpochFinished], None]) -> None:
        self._store, self._job, self._observe = store, job, observe

    def load(self) -> bytes | None:
        return self._store.checkpoint(self._job)

    def save(self, content: bytes) -> None:
        self._store.put_checkpoint(self._job, content)

    def report(self, report: EpochReport) -> None:
        self._observe(EpochFinished(self._job, report))


def do(
    study: Study,
    store: RunStore,
    job: Job,
    needed: tuple[Job, ...],
    observe: Callable[[EpochFinished], None],
) -> JobFinished | JobFailed:
    """Does `job` and puts its product into the store."""
    started = time.perf_counter()
    try:
        products = {each: store.get(each) for each in needed}
        store.put(job, perform(study, job, products, JobCheckpoints(store, job, observe)))
    except Exception as error:  # noqa: BLE001 - a job must not take the others with it
        return failure(job, error)
    return JobFinished(job, time.perf_counter() - started)


def perform(
    study: Study, job: Job, needed: Mapping[Job, Product], checkpoints: CheckpointStore
) -> dict[str, bytes]:
    """The product of `job`, from those of the jobs it needs; the same bits wherever it is done.

    What it took of memory is given back. Raises TrainingError, and BadCandles.
    """
    try:
        match job.stage:
            case Stage.AUDIT:
                plan = study.plan
                found = audit(study.audited, study.leader, study.question, plan.splits, plan.seed)
                return {LEAKS: packed(found.leaks)}
            case Stage.BASELINES:
                return fit_baselines(study, job)
            case Stage.JUDGE:
                return judge(study, job, needed)
            case Stage.POOL | Stage.TUNE:
                return fit(study, job, needed, checkpoints)
    finally:
        give_back(study.panel.features)


def failure(job: Job, error: Exception) -> JobFailed:
    """What any error of a job is reported as: one line for people."""
    match error:
        case CryptoBotError():
            return JobFailed(job, str(error))
        case MemoryError():
            reason = "out of memory: use fewer --max_workers or a smaller --batch_size"
            return JobFailed(job, reason)
        case _:
            return JobFailed(job, f"{type(error).__name__}: {error}")


class InProcess:
    """One job after the other, in this process: a job is done while it is waited for."""

    slots = 1

    def __init__(self, study: Study, store: RunStore) -> None:
        torch.set_num_threads(1)  # as in the workers: sums in another order have other bits
        self._study, self._store = study, store
        self._submitted: deque[tuple[Job, tuple[Job, ...]]] = deque()
        self._events: deque[JobEvent] = deque()

    def submit(self, job: Job, needed: tuple[Job, ...]) -> None:
        self._submitted.append((job, needed))

    def wait(self) -> JobEvent:
        if not self._events:
            job, needed = self._submitted.popleft()
            self._events.append(do(self._study, self._store, job, needed, self._events.append))
        return self._events.popleft()

    def close(self) -> None:
        self._submitted.clear()
