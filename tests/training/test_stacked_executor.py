"""The stacked executor beyond the contract of all: who goes together, and a run that is resumed."""

from dataclasses import replace
from itertools import groupby
from pathlib import Path
from typing import NoReturn

import numpy as np
import pytest
import torch

from crypto_bot.models.families.cnn_lstm import fit
from crypto_bot.training.events import EpochFinished, JobEvent, JobFailed, JobFinished
from crypto_bot.training.executors.executor import do
from crypto_bot.training.executors.stacked import Stacked
from crypto_bot.training.fit import MODEL
from crypto_bot.training.folds import FINAL
from crypto_bot.training.jobs import (
    PREDICTIONS,
    SCALER,
    Draft,
    Job,
    Stage,
    jobs_of,
    unpacked_arrays,
)
from crypto_bot.training.run_store import RunStore
from tests.training.made_runs import EXACT, EXACT_TUNING, GOOD, ONE_SIDED, begun

FOLDS = 2


def alone(folder: Path) -> tuple[Draft, RunStore]:
    """A run without a pool: each coin's fits are ready at once."""
    draft, store = begun(folder)
    plan = replace(
        draft.plan,
        pooled=False,
        tuning=None,
        family=replace(draft.plan.family, settings=replace(EXACT_TUNING, dropout=0.2)),
    )
    return replace(draft, plan=plan), store


def fits(draft: Draft, *folds: int) -> list[Job]:
    jobs = jobs_of(draft.plan, FOLDS)
    return [job for job in jobs if job.stage is Stage.TUNE and job.fold in folds]


def begun_with(draft: Draft, store: RunStore, jobs: list[Job]) -> Stacked:
    executor = Stacked(draft, store, 0)  # no other jobs are asked of it here
    assert executor.slots >= len(jobs)
    for job in jobs:
        executor.submit(job, ())
    return executor


def until_ended(executor: Stacked, jobs: int) -> list[JobEvent]:
    """Waits until so many jobs have ended."""
    events: list[JobEvent] = []
    while sum(not isinstance(event, EpochFinished) for event in events) < jobs:
        events.append(executor.wait())
    return events


@pytest.mark.slow
def test_the_coins_of_a_fold_go_together_and_fold_after_fold(tmp_path: Path) -> None:
    draft, store = alone(tmp_path)
    jobs = fits(draft, 0, FINAL)
    events = until_ended(begun_with(draft, store, jobs), len(jobs))
    first, last = ([event for event in events if event.job.fold == fold] for fold in (0, FINAL))
    assert events == first + last
    epochs = [event for event in last if isinstance(event, EpochFinished)]
    rounds = [
        [event.job.symbol for event in found]
        for _, found in groupby(epochs, lambda event: (event.report.head, event.report.epoch))
    ]
    assert rounds[0] == [*GOOD, ONE_SIDED]
    assert all(len(each) > 1 for each in rounds)
    # A model without a pool carries its own scale.
    final = Job(Stage.TUNE, GOOD[0], FINAL)
    stacked, (single_draft, single) = store.get(final), alone(tmp_path / "single")
    do(single_draft.study(single.panel), single, final, (), lambda event: None)
    assert stacked[SCALER] == single.get(final)[SCALER]
    assert set(stacked) == set(single.get(final))


def test_an_epoch_is_reported_before_the_next_one_is_begun(tmp_path: Path) -> None:
    draft, store = alone(tmp_path)
    jobs = fits(draft, FINAL)
    executor = begun_with(draft, store, jobs)
    for job in jobs:
        event = executor.wait()
        assert isinstance(event, EpochFinished)
        assert (event.job, event.report.epoch) == (job, 1)
    assert not any(store.has(job) for job in jobs)
    executor.close()


@pytest.mark.slow
def test_a_stopped_run_resumes_from_its_last_epoch(tmp_path: Path) -> None:
    draft, whole = alone(tmp_path / "whole")
    jobs = fits(draft, 0)
    expected = until_ended(begun_with(draft, whole, jobs), len(jobs))

    draft, store = alone(tmp_path / "stopped")
    executor = begun_with(draft, store, jobs)
    before: list[JobEvent] = []
    while not any(isinstance(event, EpochFinished) and event.report.epoch == 2 for event in before):
        before.append(executor.wait())
    executor.close()
    left = [job for job in jobs if not store.has(job)]
    good = [job for job in left if job.symbol in GOOD]
    assert good
    assert all(store.checkpoint(job) is not None for job in good)

    found = [event for event in before if isinstance(event, EpochFinished)]
    # All coins had ended the epoch, but that of the first alone was reported.
    again = until_ended(begun_with(draft, store, left), len(left))
    found += [event for event in again if isinstance(event, EpochFinished)]
    assert len({(each.job, each.report.head, each.report.epoch) for each in found}) == len(found)
    missed = len([event for event in expected if isinstance(event, EpochFinished)]) - len(found)
    assert missed == len(good) - 1
    for job in good:
        one, other = (unpacked_arrays(each.get(job)[PREDICTIONS])[MODEL] for each in (store, whole))
        assert np.abs(one - other).max() < 1e-5


def test_what_ends_all_fits_is_reported_of_each(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def reasons() -> set[str]:
        events = until_ended(executor, len(jobs))
        ended = {event.job: event.reason for event in events if isinstance(event, JobFailed)}
        assert set(ended) == set(jobs)
        return set(ended.values())

    draft, store = alone(tmp_path)
    jobs = fits(draft, FINAL)
    executor = begun_with(draft, store, jobs)
    executor.wait()
    store.clear()
    assert all("could not be written" in reason for reason in reasons())

    def cramped(*given: object) -> NoReturn:
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(fit, "learn_together", cramped)
    draft, store = alone(tmp_path)
    executor = begun_with(draft, store, jobs)
    (reason,) = reasons()
    assert reason.startswith("out of GPU memory with batches of 32 windows and of 16")
    assert "networks at once: 4" in reason


@pytest.mark.slow
def test_the_pools_of_all_folds_go_together_and_are_what_each_is_alone(tmp_path: Path) -> None:
    draft, store = begun(tmp_path / "stacked")
    pools = [job for job in jobs_of(draft.plan, FOLDS) if job.stage is Stage.POOL]
    events = until_ended(begun_with(draft, store, pools), len(pools))
    assert [event.job for event in events[: len(pools)]] == pools  # the first epoch of each
    draft, single = begun(tmp_path / "single")
    study = draft.study(single.panel)
    for job in pools:
        assert isinstance(do(study, single, job, (), lambda event: None), JobFinished)
        got, one = store.get(job), single.get(job)
        assert set(got) == set(one)
        if job.fold == FINAL:
            assert got[SCALER] == one[SCALER]
            continue
        found, expected = (unpacked_arrays(each[PREDICTIONS])[MODEL] for each in (got, one))
        assert np.abs(found - expected).max() < 1e-4


@pytest.mark.slow
def test_other_jobs_are_done_beside_the_fits(tmp_path: Path) -> None:
    endless = replace(EXACT, epochs=100_000, learning_rate=1e-6)
    draft, store = begun(tmp_path, pool=endless)
    graph = jobs_of(draft.plan, FOLDS)
    ready = [job for job, needed in graph.items() if not needed and job.stage is not Stage.AUDIT]
    executor = Stacked(draft, store, 1)
    for job in ready:
        executor.submit(job, ())
    fitted, done = set[Job](), set[Job]()
    try:
        while not (fitted and done):
            event = executor.wait()
            (fitted if isinstance(event, EpochFinished) else done).add(event.job)
    finally:
        executor.close()
    assert {job.stage for job in fitted} == {Stage.POOL}
    assert done == {Job(Stage.BASELINES, fold=0)}
