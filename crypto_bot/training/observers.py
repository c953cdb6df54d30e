"""What a run says of itself while it works: the driver calls, in its own thread."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple, Protocol

import structlog

from crypto_bot.models.checkpoint_store import EpochReport
from crypto_bot.models.meta import Meta
from crypto_bot.training.job import Job

_log = structlog.get_logger()


class Published(NamedTuple):
    """A model that is on disk now. `symbol` None is the pool; `metrics` is `metrics.json`."""

    symbol: str | None
    folder: Path
    meta: Meta
    metrics: bytes


class Teller(Protocol):
    """Is told of a run."""

    def started(self, jobs: Sequence[Job], done: int) -> None:
        """Of all `jobs`, `done` were there already."""
        ...

    def job_started(self, job: Job) -> None:
        """An executor has it."""
        ...

    def progress(self, job: Job, report: EpochReport) -> None:
        """An epoch of `job` has ended."""
        ...

    def job_finished(self, job: Job, seconds: float) -> None:
        """Its product is on the desk."""
        ...

    def job_failed(self, job: Job, reason: str) -> None:
        """It cannot be done."""
        ...

    def published(self, told: Published) -> None:
        """A model has been published."""
        ...

    def not_published(self, symbol: str | None, reason: str) -> None:
        """The coin (None: the pool) gets no model."""
        ...


class Quiet:
    """Listens and says nothing: what a teller of a few events begins with."""

    def started(self, jobs: Sequence[Job], done: int) -> None:
        """Nothing."""

    def job_started(self, job: Job) -> None:
        """Nothing."""

    def progress(self, job: Job, report: EpochReport) -> None:
        """Nothing."""

    def job_finished(self, job: Job, seconds: float) -> None:
        """Nothing."""

    def job_failed(self, job: Job, reason: str) -> None:
        """Nothing."""

    def published(self, told: Published) -> None:
        """Nothing."""

    def not_published(self, symbol: str | None, reason: str) -> None:
        """Nothing."""


class Lines:
    """One structured line for each event."""

    def started(self, jobs: Sequence[Job], done: int) -> None:
        _log.info("train.started", jobs=len(jobs), done=done)

    def job_started(self, job: Job) -> None:
        _log.info("job.started", job=job.name)

    def progress(self, job: Job, report: EpochReport) -> None:
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

    def job_finished(self, job: Job, seconds: float) -> None:
        _log.info("job.finished", job=job.name, seconds=round(seconds, 1))

    def job_failed(self, job: Job, reason: str) -> None:
        _log.error("job.failed", job=job.name, reason=reason)

    def published(self, told: Published) -> None:
        _log.info(
            "model.published",
            symbol=told.symbol or "pool",
            version=told.meta.version,
            verdict=told.meta.verdict.value,
            reasons=told.meta.reasons,
            folder=str(told.folder),
        )

    def not_published(self, symbol: str | None, reason: str) -> None:
        _log.error("model.not_published", symbol=symbol or "pool", reason=reason)


class Several:
    """Tells several tellers, in order."""

    def __init__(self, tellers: Sequence[Teller]) -> None:
        self._tellers = tuple(tellers)

    def started(self, jobs: Sequence[Job], done: int) -> None:
        for each in self._tellers:
            each.started(jobs, done)

    def job_started(self, job: Job) -> None:
        for each in self._tellers:
            each.job_started(job)

    def progress(self, job: Job, report: EpochReport) -> None:
        for each in self._tellers:
            each.progress(job, report)

    def job_finished(self, job: Job, seconds: float) -> None:
        for each in self._tellers:
            each.job_finished(job, seconds)

    def job_failed(self, job: Job, reason: str) -> None:
        for each in self._tellers:
            each.job_failed(job, reason)

    def published(self, told: Published) -> None:
        for each in self._tellers:
            each.published(told)

    def not_published(self, symbol: str | None, reason: str) -> None:
        for each in self._tellers:
            each.not_published(symbol, reason)
