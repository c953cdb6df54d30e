"""The coins' own fits as one computation: made for a GPU, on which one coin at a time is slow."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from crypto_bot.domain.errors import CryptoBotError
from crypto_bot.ml.families import CNN_LSTM
from crypto_bot.ml.fit import CnnLstm, FittedNet
from crypto_bot.ml.per_coin.desk import Desk
from crypto_bot.ml.per_coin.executors.executor import DeskNotebook, Done, Event, Failed, do
from crypto_bot.ml.per_coin.job import Job, Stage, jobs_of
from crypto_bot.ml.per_coin.product import fitted_product, model_files

# What a job leaves behind is made in one place, however it was fitted.
from crypto_bot.ml.per_coin.study import Study, _answered, _scaler
from crypto_bot.ml.splits import Parts
from crypto_bot.ml.stacked_fit import CoinFit, fit_together
from crypto_bot.ml.walk import FINAL, asked, coin_family, rows_of_coin, rows_to_fit

_Needed = tuple[Job, ...]


class Stacked:
    """Does jobs in this process while it is waited for.

    Takes as many as there are, so that all the coins whose fit for one fold is ready go together.
    Other jobs are done one after the other.
    """

    def __init__(self, study: Study, desk: Desk) -> None:
        self.slots = len(jobs_of(study.plan, len(study.folds)))
        self._study, self._desk = study, desk
        self._waiting: dict[Job, _Needed] = {}
        self._work: Iterator[None] = iter(())
        self._told: deque[Event] = deque()

    def submit(self, job: Job, needed: tuple[Job, ...]) -> None:
        self._waiting[job] = needed

    def wait(self) -> Event:
        while not self._told:
            ended = next(self._work, True)  # one epoch or one job further: None
            if ended and not self._told:
                self._work = self._begun()
        return self._told.popleft()

    def close(self) -> None:
        self._waiting.clear()
        self._work = iter(())

    def _begun(self) -> Iterator[None]:
        """The next work: the fits of one fold, or else what was asked first."""
        fits = [job for job in self._waiting if job.stage is Stage.TUNE]
        if not fits or self._study.plan.family.name != CNN_LSTM:
            return self._alone(next(iter(self._waiting)))
        fold = fits[0].fold
        assert fold is not None
        jobs = [job for job in fits if job.fold == fold]
        return self._together({job: self._waiting.pop(job) for job in jobs}, fold)

    def _alone(self, job: Job) -> Iterator[None]:
        needed = self._waiting.pop(job)
        self._told.append(do(self._study, self._desk, job, needed, self._told.append))
        yield

    def _together(self, jobs: Mapping[Job, _Needed], fold: int) -> Iterator[None]:
        started = time.perf_counter()
        rows = rows_to_fit(self._study.panel, self._study.plan, self._study.folds, fold)
        fits: dict[Job, CoinFit] = {}
        for job, needed in jobs.items():
            with self._edge(job):
                fits[job] = self._fit_of(job, needed, rows)
        if not fits:
            return
        with self._edge(*fits):
            outcomes = yield from fit_together(list(fits.values()))
            for job, outcome in zip(fits, outcomes, strict=True):
                with self._edge(job):
                    if isinstance(outcome, CryptoBotError):
                        raise outcome
                    self._desk.put(job, self._product(job, outcome, rows))
                    self._told.append(Done(job, time.perf_counter() - started))
                yield

    def _fit_of(self, job: Job, needed: _Needed, rows: Parts) -> CoinFit:
        panel, plan = self._study.panel, self._study.plan
        assert job.symbol is not None
        own = rows_of_coin(panel, rows, job.symbol)
        pool = model_files(self._desk.get(needed[0])) if plan.pooled else None
        notebook = DeskNotebook(self._desk, job, self._told.append)
        family = coin_family(panel, plan, pool, notebook)
        assert isinstance(family, CnnLstm)
        return CoinFit(family, panel.examples(own.fit), panel.whole(panel.thinned(own.validation)))

    def _product(self, job: Job, fitted: FittedNet, rows: Parts) -> dict[str, bytes]:
        """What the same job leaves behind when it is done alone."""
        panel, plan, folds = self._study.panel, self._study.plan, self._study.folds
        assert job.symbol is not None
        assert job.fold is not None
        if job.fold == FINAL:
            own = rows_of_coin(panel, rows, job.symbol)
            return fitted_product(fitted, None if plan.pooled else _scaler(panel, own))
        ends = asked(panel, plan, folds, job.fold).ends
        return _answered(panel, fitted, ends[panel.coin[ends] == panel.symbols.index(job.symbol)])

    @contextmanager
    def _edge(self, *jobs: Job) -> Iterator[None]:
        """Where `jobs` may fail as they will, without taking others with them."""
        try:
            yield
        except CryptoBotError as error:
            reason = str(error)
        except Exception as error:  # noqa: BLE001 - a job must not take the others with it
            reason = f"{type(error).__name__}: {error}"
        else:
            return
        self._told.extend(Failed(job, reason) for job in jobs)
