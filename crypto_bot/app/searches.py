"""`crypto-bot optimise`: the trials of a search, by Optuna, in parallel and resumable."""

from __future__ import annotations

import hashlib
import json
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import dataclass, replace
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import optuna
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.trial import FrozenTrial, TrialState
from sqlalchemy.exc import SQLAlchemyError

from crypto_bot import __version__
from crypto_bot.app.backtest_files import key_for
from crypto_bot.app.logging import configure
from crypto_bot.app.search_space import Parameter, Space, Values, applied, family_settings
from crypto_bot.app.settings import Settings
from crypto_bot.app.wiring import column_engine
from crypto_bot.backtesting.backtest import Backtest, Past
from crypto_bot.backtesting.columns import Models
from crypto_bot.backtesting.search import OuterFold, Run, Span, Tried, run_of, worth_of
from crypto_bot.domain.errors import StoreError
from crypto_bot.statistics.metrics import as_json

_KEY = "key"
_DONE = (TrialState.COMPLETE, TrialState.PRUNED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fits:
    """Models of this family are fitted anew for each trial, on `candles` or the database's."""

    candles: Path | None
    symbols: tuple[str, ...]
    family: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """All that a trial needs; sent once to each worker, with candles up to the end of its search.

    `models`: calls that are the same in all trials. `fits`: the calls depend on the trial.
    """

    settings: Settings
    account: str
    past: Past
    since_ms: int
    walk_days: float | None = None
    models: Models | None = None
    fits: Fits | None = None

    @property
    def words(self) -> str:
        """What answers before the rules."""
        if self.walk_days is None:
            return "Rules alone."
        of = (
            "" if self.fits is None else f" of {self.fits.family}, with the settings of each trial,"
        )
        return f"A model{of} fitted anew every {self.walk_days:g} days answers first, then rules."

    def backtest(self, values: Values, until_ms: int, *, kept: bool = False) -> Backtest:
        """The engine with the settings of a trial, up to the candle that opens at `until_ms`."""
        settings, models = applied(self.settings, self.account, values), self.models
        if self.fits is not None:
            from crypto_bot.app.walks import Asked, walked_models  # noqa: PLC0415 - loads torch

            assert self.walk_days is not None
            span = self.since_ms, until_ms, self.walk_days, self.fits.family
            asked = Asked(*span, max_workers=1, settings=family_settings(values), kept=kept)
            models = walked_models(settings, self.fits.candles, self.fits.symbols, asked)
        engine = column_engine(settings, models)
        return Backtest.run(engine, self.past.until(until_ms), self.since_ms)

    def judged(self, values: Values, outer: Span) -> tuple[Run, str]:
        """What the settings of a trial do on an outer fold, and the key of that trial."""
        done = self.backtest(values, outer.until_ms, kept=True)
        return self._run(done, values, outer), self._key(done, values)

    def tried(self, values: Values, inner: Sequence[Span]) -> Tried:
        """The worth of the settings on the inner folds."""
        done = self.backtest(values, inner[-1].until_ms)
        worth = worth_of([self._run(done, values, span) for span in inner])
        return Tried(values, worth, self._key(done, values))

    def identity(self, space: Space, folds: Sequence[OuterFold], seed: int) -> str:
        """SHA-256 of all that the results depend on, but for the number of trials."""
        settings = self.settings
        models = {} if self.models is None else self.models.calls
        of = {
            "code_version": __version__,
            "engine": settings.engine.model_dump(mode="json"),
            "paper": settings.paper.model_dump(mode="json"),
            "settings": (self.account, settings.tf, settings.recipe, settings.decision.cost_bps),
            "candles": [(each, table.fingerprint()) for each, table in self.past.tables.items()],
            "models": sorted({each.version for each in models.values()}),
            "fits": None if self.fits is None else as_json(replace(self.fits, candles=None)),
            "space": [(each.key, each.range.model_dump(mode="json")) for each in space],
            "folds": folds,
            "seed": seed,
        }
        return hashlib.sha256(json.dumps(of, sort_keys=True).encode()).hexdigest()[:16]

    def _run(self, done: Backtest, values: Values, span: Span) -> Run:
        (plan,) = applied(self.settings, self.account, values).paper.plans()
        return run_of(done, plan, span)

    def _key(self, done: Backtest, values: Values) -> str:
        settings = applied(self.settings, self.account, values)
        (plan,) = settings.paper.plans()
        return key_for(settings, done, plan)


@dataclass(frozen=True, slots=True, kw_only=True)
class Trials:
    """The trials of one study: in the SQLite file `storage`, from which a killed one resumes.

    The sampler gets the results in the order in which it asked for them, so that they depend on the
    seed and the number of workers alone.
    """

    storage: Path
    space: Space
    workers: int
    seed: int

    def run(
        self,
        study: str,
        search: Search,
        inner: Sequence[Span],
        most: int,
        on_trial: Callable[[], None],
    ) -> list[Tried]:
        """Until there are `most` of them. Raises StoreError where the file cannot be used."""
        held = self._study(study)
        done = held.get_trials(deepcopy=False, states=_DONE)
        for _ in done:
            on_trial()
        if len(done) < most:
            cut = replace(search, past=search.past.until(inner[-1].until_ms))
            with _pool(self.workers, cut, inner) as pool:
                self._fill(held, pool, most - len(done), on_trial)
        found = held.get_trials(deepcopy=False, states=_DONE)
        return [self._tried(each) for each in found[:most]]

    def _study(self, name: str) -> optuna.Study:
        optuna.logging.set_verbosity(optuna.logging.ERROR)
        try:
            self.storage.parent.mkdir(parents=True, exist_ok=True)
            storage = optuna.storages.RDBStorage(f"sqlite:///{self.storage}")
            study = optuna.create_study(
                storage=storage, study_name=name, direction="maximize", load_if_exists=True
            )
        except (OSError, SQLAlchemyError, optuna.exceptions.OptunaError) as error:
            raise StoreError(f"trials cannot be kept in {self.storage}: {error}") from error
        for each in study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
            study.tell(each.number, state=TrialState.FAIL)  # its process was ended
        count = len(study.get_trials(deepcopy=False))
        study.sampler = optuna.samplers.TPESampler(seed=self.seed + count, multivariate=True)
        return study

    def _fill(
        self, study: optuna.Study, pool: Executor, missing: int, on_trial: Callable[[], None]
    ) -> None:
        distributions = {each.key: _distribution(each) for each in self.space}
        waiting = deque[tuple[optuna.Trial, Future[Tried]]]()
        asked = 0
        while asked < missing or waiting:
            if asked < missing and len(waiting) < self.workers:
                trial = study.ask(distributions)
                waiting.append((trial, pool.submit(_tried, self._values(trial.params))))
                asked += 1
                continue
            trial, future = waiting.popleft()
            result = future.result()
            trial.set_user_attr(_KEY, result.key)
            state = TrialState.PRUNED if result.worth is None else TrialState.COMPLETE
            study.tell(trial, result.worth, state)
            on_trial()

    def _values(self, drawn: Mapping[str, Any]) -> dict[str, Any]:
        return {each.key: each.value(drawn[each.key]) for each in self.space}

    def _tried(self, trial: FrozenTrial) -> Tried:
        return Tried(self._values(trial.params), trial.value, trial.user_attrs[_KEY])


def _distribution(each: Parameter) -> BaseDistribution:
    of = each.range
    if of.choices:
        return CategoricalDistribution([json.dumps(choice) for choice in of.choices])
    assert of.low is not None
    assert of.high is not None
    if each.whole:
        return IntDistribution(int(of.low), int(of.high), log=of.log, step=int(of.step or 1))
    return FloatDistribution(of.low, of.high, log=of.log, step=of.step)


_work: tuple[Search, Sequence[Span]] | None = None
"""What a worker was given when it began."""


def _pool(workers: int, search: Search, inner: Sequence[Span]) -> Executor:
    if workers == 1:
        return ThreadPoolExecutor(1, initializer=_begin, initargs=(search, inner))
    return ProcessPoolExecutor(
        workers, get_context("spawn"), initializer=_begin, initargs=(search, inner)
    )


def _begin(search: Search, inner: Sequence[Span]) -> None:
    global _work  # noqa: PLW0603 - a process has no other place for what it was given
    _work = search, inner
    if search.fits is not None:
        configure("warning", search.settings.log.format)


def _tried(values: Values) -> Tried:
    assert _work is not None
    search, inner = _work
    return search.tried(values, inner)
