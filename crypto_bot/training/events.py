"""The record of a training run: what happens, in the order in which it happens.

The log, the live table, the rows of `training_runs`, MLflow and the summary are renderings of it.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import structlog

from crypto_bot.models.checkpoint_store import EpochReport
from crypto_bot.models.meta import Meta
from crypto_bot.training.jobs import Job

_log = structlog.get_logger()


class RunStarted(NamedTuple):
    """The run has all of `jobs`; `done` of them were done before it was resumed."""

    jobs: tuple[Job, ...]
    done: int


class JobStarted(NamedTuple):
    """An executor has the job."""

    job: Job


class EpochFinished(NamedTuple):
    """An epoch of a fit has ended."""

    job: Job
    report: EpochReport


class JobFinished(NamedTuple):
    """The product of the job is in the run store."""

    job: Job
    seconds: float


class JobFailed(NamedTuple):
    """The job cannot be done; the reason is one line."""

    job: Job
    reason: str


class ModelPublished(NamedTuple):
    """A model is on disk. `symbol` None is the pool.

    `metrics` and `evaluation` are the content of `metrics.json` and `evaluation_metrics.json`: an
    engine may have moved the model by the time they are wanted.
    """

    symbol: str | None
    folder: Path
    meta: Meta
    metrics: bytes
    evaluation: bytes


class ModelNotPublished(NamedTuple):
    """The coin (None: the pool) gets no model."""

    symbol: str | None
    reason: str


JobEvent = EpochFinished | JobFinished | JobFailed
"""What an executor reports."""
Event = RunStarted | JobStarted | JobEvent | ModelPublished | ModelNotPublished
Observer = Callable[[Event], None]
"""Called by the driver of a run, in its own thread."""


def log_event(event: Event) -> None:
    """One structured line."""
    match event:
        case RunStarted(jobs, done):
            _log.info("train.started", jobs=len(jobs), done=done)
        case JobStarted(job):
            _log.info("job.started", job=job.name)
        case EpochFinished(job, report):
            _log.info(
                "epoch.finished",
                job=job.name,
                head=report.head,
                epoch=report.epoch,
                epochs=report.epochs,
                fit_loss=round(report.fit_loss, 6),
                validation_loss=round(report.validation_loss, 6),
                windows_per_s=round(report.windows / report.seconds),
            )
        case JobFinished(job, seconds):
            _log.info("job.finished", job=job.name, seconds=round(seconds, 1))
        case JobFailed(job, reason):
            _log.error("job.failed", job=job.name, reason=reason)
        case ModelPublished(symbol, folder, meta):
            _log.info(
                "model.published",
                symbol=symbol or "pool",
                version=meta.version,
                verdict=meta.verdict.value,
                reasons=meta.reasons,
                folder=str(folder),
            )
        case ModelNotPublished(symbol, reason):
            _log.error("model.not_published", symbol=symbol or "pool", reason=reason)
