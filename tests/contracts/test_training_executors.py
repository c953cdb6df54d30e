"""What every way of getting the jobs of a training run done must do."""

import multiprocessing
import os
import signal
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from crypto_bot.statistics.rows import Floats
from crypto_bot.training.events import (
    EpochFinished,
    Event,
    JobEvent,
    JobFailed,
    JobFinished,
)
from crypto_bot.training.executors.executor import Executor, InProcess
from crypto_bot.training.executors.process import Processes
from crypto_bot.training.executors.ray_cluster import RayCluster
from crypto_bot.training.executors.stacked import Stacked
from crypto_bot.training.fit import MODEL
from crypto_bot.training.jobs import PREDICTIONS, Draft, Graph, Job, Stage, jobs_of, unpacked_arrays
from crypto_bot.training.run import Driver
from crypto_bot.training.run_store import RunStore
from tests.training.made_cluster import two_nodes
from tests.training.made_runs import GOOD, ONE_SIDED, begun

ROUNDS = 2
POOL, BASELINES = Job(Stage.POOL, fold=0), Job(Stage.BASELINES, fold=0)


@contextmanager
def ray_cluster(draft: Draft, store: RunStore) -> Iterator[Executor]:
    with (
        two_nodes() as (cluster, _),
        closing(RayCluster(draft.study(store.panel), store, cluster.address)) as executor,
    ):
        yield executor


Opened = Callable[[Draft, RunStore], AbstractContextManager[Executor]]
KINDS: dict[str, Opened] = {
    "in process": lambda draft, store: closing(InProcess(draft.study(store.panel), store)),
    "processes": lambda draft, store: closing(Processes(draft, store, 2)),
    "stacked": lambda draft, store: closing(Stacked(draft, store, 1)),
    "ray": ray_cluster,
}
TOLERANCE = {"stacked": 1e-4}
"""How far predictions may be from those of one after the other."""


class Ran(NamedTuple):
    """A finished run of the first fold."""

    draft: Draft
    store: RunStore
    graph: Graph
    events: list[JobEvent]

    def products(self) -> dict[Job, Mapping[str, bytes]]:
        return {job: self.store.get(job) for job in self.graph if self.store.has(job)}

    def fitted(self) -> dict[Job, Floats]:
        """The predictions of the models that were fitted."""
        fits = {job: product for job, product in self.products().items() if job != BASELINES}
        return {job: unpacked_arrays(product[PREDICTIONS])[MODEL] for job, product in fits.items()}


def the_first_fold(draft: Draft) -> Graph:
    """Baselines, a pool, and a fit of each coin that starts from it."""
    jobs = jobs_of(draft.plan, ROUNDS)
    return {job: needed for job, needed in jobs.items() if job.fold == 0}


def driven(
    executor: Executor,
    graph: Graph,
    store: RunStore,
    observe: Callable[[JobEvent], None] = lambda event: None,
) -> list[JobEvent]:
    """Does the jobs of `graph`, and returns what the executor reported."""
    events: list[JobEvent] = []

    def take(event: Event) -> None:
        if isinstance(event, JobEvent):
            events.append(event)
            observe(event)

    Driver(graph, executor, store, store.folder / "models", [take]).run()
    return events


def run(kind: str, folder: Path) -> Ran:
    draft, store = begun(folder)
    graph = the_first_fold(draft)
    with KINDS[kind](draft, store) as executor:
        return Ran(draft, store, graph, driven(executor, graph, store))


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> Ran:
    return run("in process", tmp_path_factory.mktemp("reference"))


@pytest.mark.parametrize(
    "kind", ["in process", *(pytest.param(kind, marks=pytest.mark.slow) for kind in [*KINDS][1:])]
)
def test_every_job_ends_once_with_the_same_model(kind: str, tmp_path: Path, reference: Ran) -> None:
    ran = reference if kind == "in process" else run(kind, tmp_path)
    ended = [each for each in ran.events if not isinstance(each, EpochFinished)]
    assert Counter(each.job for each in ended) == Counter(list(ran.graph))
    # One cannot be done: it fails alone and says why.
    (failed,) = (each for each in ended if isinstance(each, JobFailed))
    assert failed.job == Job(Stage.TUNE, ONE_SIDED, 0)
    assert "the validation rows have no SHORT" in failed.reason
    done = {each.job for each in ended if isinstance(each, JobFinished)}
    assert done == {POOL, BASELINES, *(Job(Stage.TUNE, symbol, 0) for symbol in GOOD)}
    assert set(ran.products()) == done
    assert [job for job in done if ran.store.checkpoint(job) is not None] == []
    study, tolerance = ran.draft.study(ran.store.panel), TOLERANCE.get(kind, 0.0)
    for job, p in ran.fitted().items():
        assert p.shape == (study.out_of_sample(job).ends.size, 3)
        assert np.allclose(p.sum(axis=1), 1.0)
        assert np.abs(p - reference.fitted()[job]).max() <= tolerance
        assert np.ptp(p, axis=1).min() > 100 * tolerance
        # Every epoch is reported once, in order, before the job ends.
        *epochs, end = (each for each in ran.events if each.job == job)
        assert isinstance(end, JobFinished)
        found = [(e.report.head, e.report.epoch) for e in epochs if isinstance(e, EpochFinished)]
        moves = len(found) - 2
        assert found[:moves] == [("move", epoch) for epoch in range(1, moves + 1)]
        assert found[moves:] == [("direction", 1), ("direction", 2)]
    if tolerance:
        assert ran.products()[BASELINES] == reference.products()[BASELINES]
    else:
        assert ran.products() == reference.products()


@pytest.mark.slow
def test_a_killed_worker_is_replaced_and_its_job_resumes(tmp_path: Path, reference: Ran) -> None:
    draft, store = begun(tmp_path)
    graph = {job: needed for job, needed in the_first_fold(draft).items() if job != BASELINES}
    killed: list[int | None] = []

    def kill_who_is_at_work(event: JobEvent) -> None:
        if isinstance(event, EpochFinished) and not killed:
            for worker in multiprocessing.active_children():
                assert worker.pid is not None
                os.kill(worker.pid, signal.SIGKILL)
                killed.append(worker.pid)
            assert not store.has(event.job)

    with closing(Processes(draft, store, 1)) as executor:
        events = driven(executor, graph, store, kill_who_is_at_work)
    assert len(killed) == 1
    ran = Ran(draft, store, graph, events)
    assert ran.products() == {
        job: product for job, product in reference.products().items() if job != BASELINES
    }
    found = Counter(
        (each.job, each.report.head, each.report.epoch)
        for each in events
        if isinstance(each, EpochFinished)
    )
    assert max(found.values()) == 1  # it resumed from the checkpoint
