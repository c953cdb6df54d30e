"""Fits that are ready, as one computation: made for a GPU, on which one at a time is slow."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from crypto_bot.domain.errors import CryptoBotError
from crypto_bot.models.beside import result_of, threads
from crypto_bot.models.families.family import FittedModel, StackedFit
from crypto_bot.models.families.registered import FAMILIES
from crypto_bot.training.events import JobEvent, JobFinished
from crypto_bot.training.executors.executor import JobCheckpoints, failure
from crypto_bot.training.executors.process import Processes
from crypto_bot.training.fit import fit_of, fit_product
from crypto_bot.training.jobs import Draft, Job, Stage, jobs_of
from crypto_bot.training.run_store import RunStore

_FITS = (Stage.POOL, Stage.TUNE)
_ENDED = "ended"
_Needed = tuple[Job, ...]


class Stacked:
    """Fits in this process, while `slots` workers do the other jobs beside it.

    Takes as many jobs as there are, so that fits that are ready go together: the pools of all the
    folds, and for each fold all the coins. The events of the workers are taken between epochs. What
    the fitted models predict is asked of as many of them at once as there are slots.
    """

    def __init__(self, draft: Draft, store: RunStore, slots: int) -> None:
        self._study, self._store = draft.study(store.panel), store
        self._stacking = FAMILIES.get(draft.plan.family.name).capabilities.stacks
        self.slots = len(jobs_of(draft.plan, len(self._study.folds)))
        self._workers, self._threads = Processes(draft, store, slots), max(1, slots)
        self._others: deque[tuple[Job, _Needed]] = deque()
        self._fits: dict[Job, _Needed] = {}
        self._fitting: Iterator[None] | None = None
        self._events: deque[JobEvent] = deque()

    def submit(self, job: Job, needed: tuple[Job, ...]) -> None:
        if job.stage in _FITS and self._stacking is not None:
            self._fits[job] = needed
        else:
            self._others.append((job, needed))
            self._hand_out()

    def wait(self) -> JobEvent:
        while not self._events:
            nothing_to_fit = self._fitting is None and not self._fits
            if nothing_to_fit or self._workers.has_events:
                self._events.append(self._workers.wait())
                self._hand_out()
            else:
                self._fit_on()
        return self._events.popleft()

    def close(self) -> None:
        self._workers.close()
        self._fitting = None

    def _hand_out(self) -> None:
        while self._others and self._workers.has_room:
            self._workers.submit(*self._others.popleft())

    def _fit_on(self) -> None:
        """For an epoch, or until what is under way has ended."""
        if self._fitting is None:
            first = next(iter(self._fits))
            together = [job for job in self._fits if _goes_with(job, first)]
            self._fitting = self._together({job: self._fits.pop(job) for job in together})
        if next(self._fitting, _ENDED) is _ENDED:
            self._fitting = None

    def _together(self, jobs: Mapping[Job, _Needed]) -> Iterator[None]:
        started = time.perf_counter()
        fits: dict[Job, StackedFit] = {}
        for job, needed in jobs.items():
            with self._edge(job):
                fits[job] = self._fit_of(job, needed)
        if not fits:
            return
        assert self._stacking is not None
        with self._edge(*fits):
            outcomes = yield from self._stacking.fit(list(fits.values()))
            with threads(self._threads) as pool:
                begun = {
                    job: pool.submit(self._product, job, outcome)
                    for job, outcome in zip(fits, outcomes, strict=True)
                }
                for job, future in begun.items():
                    with self._edge(job):
                        self._store.put(job, (yield from result_of(future)))
                        self._events.append(JobFinished(job, time.perf_counter() - started))
                    yield

    def _product(self, job: Job, outcome: FittedModel | CryptoBotError) -> dict[str, bytes]:
        if isinstance(outcome, CryptoBotError):
            raise outcome
        return fit_product(self._study, job, outcome)

    def _fit_of(self, job: Job, needed: _Needed) -> StackedFit:
        checkpoints = JobCheckpoints(self._store, job, self._events.append)
        products = {each: self._store.get(each) for each in needed}
        return fit_of(self._study, job, products, checkpoints)

    @contextmanager
    def _edge(self, *jobs: Job) -> Iterator[None]:
        """Where `jobs` may fail as they will, without taking others with them."""
        try:
            yield
        except Exception as error:  # noqa: BLE001 - a job must not take the others with it
            self._events.extend(failure(job, error) for job in jobs)


def _goes_with(job: Job, other: Job) -> bool:
    """Whether both can be fitted in one stack: the coins of a fold, or the pools."""
    return job.stage is other.stage and (job.stage is Stage.POOL or job.fold == other.fold)
