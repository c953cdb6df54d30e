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
from crypto_bot.training.executors.executor import Executor
from crypto_bot.training.executors.in_process import InProcess
from crypto_bot.training.executors.process import Processes
from crypto_bot.training.executors.ray_cluster import RayCluster
from crypto_bot.training.executors.stacked import Stacked
from crypto_bot.training.fit import MODEL
from crypto_bot.training.jobs import Graph, Job, Stage, jobs_of
from crypto_bot.training.products import PREDICTIONS, unpacked_arrays
from crypto_bot.training.run import run_graph
from crypto_bot.training.run_store import RunStore
from crypto_bot.training.study import Draft
from tests.training.made_cluster import two_nodes
from tests.training.made_runs import GOOD, ONE_SIDED, begun

ROUNDS = 2
POOL, BASELINES = Job(Stage.POOL, fold=0), Job(Stage.BASELINES, fold=0)


class Kind(NamedTuple):
    """One executor. `tolerance`: how far its logits may be from those of one after the other."""

    opened: Callable[[Draft, RunStore], AbstractContextManager[Executor]]
    tolerance: float = 0.0


def in_process(draft: Draft, store: RunStore) -> AbstractContextManager[Executor]:
    return closing(InProcess(draft.study(store.panel), store))


def processes(draft: Draft, store: RunStore) -> AbstractContextManager[Executor]:
    return closing(Processes(draft, store, 2))


def stacked(draft: Draft, store: RunStore) -> AbstractContextManager[Executor]:
    return closing(Stacked(draft, store, 1))


@contextmanager
def ray_cluster(draft: Draft, store: RunStore) -> Iterator[Executor]:
    with (
        two_nodes() as (cluster, _),
        closing(RayCluster(draft.study(store.panel), store, cluster.address)) as executor,
    ):
        yield executor


KINDS = {
    "in process": Kind(in_process),
    "processes": Kind(processes),
    "stacked": Kind(stacked, tolerance=1e-4),
    "ray": Kind(ray_cluster),
}
SLOW = {"processes", "stacked", "ray"}


class Ran(NamedTuple):
    """A finished run of the first fold."""

    draft: Draft
    store: RunStore
    graph: Graph
    events: list[JobEvent]

    def ends(self) -> dict[Job, JobEvent]:
        """How each job ended."""
        return {each.job: each for each in self.events if not isinstance(each, EpochFinished)}

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

    run_graph(graph, executor, store, store.folder / "models", [take])
    return events


def run(kind: Kind, folder: Path) -> Ran:
    draft, store = begun(folder)
    graph = the_first_fold(draft)
    with kind.opened(draft, store) as executor:
        return Ran(draft, store, graph, driven(executor, graph, store))


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> Ran:
    return run(KINDS["in process"], tmp_path_factory.mktemp("reference"))


@pytest.fixture(
    scope="module",
    params=[pytest.param(name, marks=pytest.mark.slow if name in SLOW else ()) for name in KINDS],
)
def name(request: pytest.FixtureRequest) -> str:
    found: str = request.param
    return found


@pytest.fixture(scope="module")
def ran(name: str, tmp_path_factory: pytest.TempPathFactory) -> Ran:
    return run(KINDS[name], tmp_path_factory.mktemp("run"))


def test_every_job_ends_once_and_nothing_follows_or_is_left(ran: Ran) -> None:
    ended: list[Job] = []
    for event in ran.events:
        assert event.job not in ended
        if not isinstance(event, EpochFinished):
            ended.append(event.job)
    assert Counter(ended) == Counter(list(ran.graph))
    assert [job for job in ran.products() if ran.store.checkpoint(job) is not None] == []


def test_a_job_that_cannot_be_done_fails_alone_with_its_reason(ran: Ran) -> None:
    failed = [each for each in ran.ends().values() if isinstance(each, JobFailed)]
    assert [each.job for each in failed] == [Job(Stage.TUNE, ONE_SIDED, 0)]
    assert "the validation rows have no SHORT" in failed[0].reason
    assert not ran.store.has(failed[0].job)
    done = {job for job, each in ran.ends().items() if isinstance(each, JobFinished)}
    assert done == {POOL, BASELINES, *(Job(Stage.TUNE, symbol, 0) for symbol in GOOD)}


def test_what_is_done_answers_the_rows_it_was_asked(ran: Ran) -> None:
    study = ran.draft.study(ran.store.panel)
    for job, p in ran.fitted().items():
        assert p.shape == (study.out_of_sample(job).ends.size, 3)
        assert np.allclose(p.sum(axis=1), 1.0)


def test_every_epoch_is_reported_once_and_in_order(ran: Ran) -> None:
    for job in ran.fitted():
        found = [
            (each.report.head, each.report.epoch)
            for each in ran.events
            if isinstance(each, EpochFinished) and each.job == job
        ]
        moves = [epoch for head, epoch in found if head == "move"]
        assert moves == list(range(1, len(moves) + 1))
        assert found[len(moves) :] == [("direction", 1), ("direction", 2)]


def test_all_executors_make_the_same_models(name: str, ran: Ran, reference: Ran) -> None:
    tolerance = KINDS[name].tolerance
    if not tolerance:
        assert ran.products() == reference.products()
        return
    for job, expected in reference.fitted().items():
        for found, logits in zip(ran.fitted()[job], expected, strict=True):
            assert np.abs(found - logits).max() < tolerance
            assert np.ptp(logits) > 100 * tolerance
    assert ran.products()[BASELINES] == reference.products()[BASELINES]


@pytest.mark.slow
def test_a_killed_worker_is_replaced_and_its_job_resumed(tmp_path: Path, reference: Ran) -> None:
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
