"""Jobs on a Ray cluster: the panel once in its object store, products in the driver's run store."""

from __future__ import annotations

import asyncio
import time
import warnings
from collections import deque
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import torch

from crypto_bot import __version__
from crypto_bot.domain.errors import first_line
from crypto_bot.models.checkpoint_store import EpochReport
from crypto_bot.training.events import EpochFinished, JobEvent, JobFailed, JobFinished
from crypto_bot.training.executors.executor import failure, perform
from crypto_bot.training.executors.ray_connection import connected
from crypto_bot.training.jobs import Job, Study
from crypto_bot.training.run_store import RunStore

_TRIES = 4
"""Nodes that are lent may be taken away again: that is not the job's fault."""


class _Message(NamedTuple):
    """From a job under way to the driver: a checkpoint, or the report of an epoch."""

    job: Job
    attempt: int
    content: bytes | EpochReport


class _Order(NamedTuple):
    """What a node gets to do a job. `messages` is the driver's message queue."""

    version: str
    messages: Any
    attempt: int
    job: Job
    needed: tuple[Job, ...]
    checkpoint: bytes | None


class _Returned(NamedTuple):
    """The product of a job or its failure, how long it took, and how many messages it wrote."""

    outcome: Mapping[str, bytes] | JobFailed
    seconds: float
    messages: int


class RayCluster:
    """As many jobs at a time as the cluster has cores, one thread each.

    A job whose node or worker is lost is done again elsewhere, from its newest checkpoint. Run
    store and models folder are the driver's: the nodes need the package and no disk of their own.
    """

    def __init__(
        self, study: Study, store: RunStore, address: str, most: int | None = None
    ) -> None:
        """`address`: HOST:PORT of a cluster that this machine is a node of; `most` slots.

        Raises ConfigError where Ray is not installed or nothing answers there.
        """
        self._ray = ray = connected(address)
        self._store, self._most = store, most
        self._study = ray.put(_plain(study))
        own_node = ray.get_runtime_context().get_node_id()
        affinity = ray.util.scheduling_strategies.NodeAffinitySchedulingStrategy
        self._messages = (
            ray.remote(_MessageQueue)
            .options(num_cpus=0, scheduling_strategy=affinity(own_node, soft=False))
            .remote()
        )
        # Ray's own retries would begin at the beginning: only the driver has the checkpoints.
        self._task = ray.remote(_perform).options(num_cpus=1, max_retries=0)
        self._post = self._messages.collect.remote()
        self._products: dict[Job, Any] = {}
        self._asked: dict[Job, tuple[Job, ...]] = {}
        self._attempts: dict[Job, int] = {}
        self._read: dict[Job, int] = {}
        """Messages read of each job under way, in its newest attempt."""
        self._under_way: dict[Any, Job] = {}
        self._events: deque[JobEvent] = deque()
        self.slots = self._cores()

    def submit(self, job: Job, needed: tuple[Job, ...]) -> None:
        self._asked[job] = needed
        attempt = self._attempts[job] = self._attempts.get(job, 0) + 1
        self._read[job] = 0
        checkpoint = self._store.checkpoint(job)
        products = [self._product(each) for each in needed]
        order = _Order(__version__, self._messages, attempt, job, needed, checkpoint)
        self._under_way[self._task.remote(self._study, order, *products)] = job

    def wait(self) -> JobEvent:
        while not self._events:
            ready, _ = self._ray.wait([self._post, *self._under_way], num_returns=1)
            if self._post in ready:
                self._take_messages()
            for ended in ready:
                if ended in self._under_way:
                    self._receive(ended)
        return self._events.popleft()

    def close(self) -> None:
        for under_way in self._under_way:
            self._ray.cancel(under_way, force=True)
        self._under_way.clear()
        self._ray.shutdown()

    def _receive(self, ended: Any) -> None:
        job = self._under_way.pop(ended)
        self.slots = self._cores()  # nodes come and go
        try:
            returned: _Returned = self._ray.get(ended)
        except self._ray.exceptions.RayTaskError as error:
            self._end(JobFailed(job, f"its node could not do it: {_last_line(error)}"))
        except self._ray.exceptions.RayError as error:
            self._lost(job, error)
        else:
            while self._read[job] < returned.messages:  # they take another way than a product
                self._take_messages()
            self._end(self._ended(job, returned))

    def _lost(self, job: Job, error: Exception) -> None:
        """Begins again what a lost node or worker was doing."""
        while self._ray.wait([self._post], timeout=0)[0]:  # the newest checkpoint may be there
            self._take_messages()
        if self._attempts[job] < _TRIES:
            self.submit(job, self._asked[job])
            return
        how = f"{type(error).__name__}: {first_line(error)}"
        self._end(JobFailed(job, f"its worker was lost {_TRIES} times ({how})"))

    def _ended(self, job: Job, returned: _Returned) -> JobFinished | JobFailed:
        outcome = returned.outcome
        if isinstance(outcome, JobFailed):
            return outcome
        try:
            self._store.put(job, outcome)
        except Exception as error:  # noqa: BLE001 - a job must not take the others with it
            return failure(job, error)
        return JobFinished(job, returned.seconds)

    def _end(self, event: JobFinished | JobFailed) -> None:
        """No event of a job follows its end."""
        del self._read[event.job]
        self._events.append(event)

    def _take_messages(self) -> None:
        """Reads those that have come; waits for the next where there is none."""
        for message in self._ray.get(self._post):
            job = message.job
            if job not in self._read or message.attempt != self._attempts[job]:
                continue  # from a node that was given up
            self._read[job] += 1
            if isinstance(message.content, bytes):
                self._store.put_checkpoint(job, message.content)
            else:
                self._events.append(EpochFinished(job, message.content))
        self._post = self._messages.collect.remote()

    def _product(self, job: Job) -> Any:
        """The product of `job` in the object store, sent there once."""
        if job not in self._products:
            self._products[job] = self._ray.put(self._store.get(job))
        return self._products[job]

    def _cores(self) -> int:
        cores = max(1, int(self._ray.cluster_resources().get("CPU", 0)))
        return cores if self._most is None else min(self._most, cores)


class _MessageQueue:
    """An actor on the driver's node: messages wait here until the driver takes them."""

    def __init__(self) -> None:
        self._messages: list[_Message] = []
        self._some = asyncio.Event()

    async def post(self, message: _Message) -> None:
        self._messages.append(message)
        self._some.set()

    async def collect(self) -> list[_Message]:
        """All that is there, as soon as something is."""
        while not self._messages:
            self._some.clear()
            await self._some.wait()
        taken, self._messages = self._messages, []
        return taken


class _PostedCheckpoints:
    """The checkpoints of a job on another machine than the run store."""

    def __init__(self, order: _Order) -> None:
        self._order = order
        self.posted = 0

    def load(self) -> bytes | None:
        return self._order.checkpoint

    def save(self, content: bytes) -> None:
        self._post(content)

    def report(self, report: EpochReport) -> None:
        self._post(report)

    def _post(self, content: bytes | EpochReport) -> None:
        import ray  # noqa: PLC0415 - an optional extra

        order = self._order
        message = _Message(order.job, order.attempt, content)
        ray.get(order.messages.post.remote(message))  # it is queued before the job continues
        self.posted += 1


def _perform(study: Study, order: _Order, *products: Mapping[str, bytes]) -> _Returned:
    """A job on its node."""
    job = order.job
    if order.version != __version__:
        reason = f"its node has crypto_bot {__version__}, the driver {order.version}"
        return _Returned(JobFailed(job, f"{reason}: install the same"), 0.0, 0)
    torch.set_num_threads(1)
    started = time.perf_counter()
    checkpoints = _PostedCheckpoints(order)
    needs = dict(zip(order.needed, products, strict=True))
    outcome: Mapping[str, bytes] | JobFailed
    with warnings.catch_warnings():
        # The panel lies in memory that all jobs of a node share; nobody writes to it.
        warnings.filterwarnings("ignore", message="The given NumPy array is not writable")
        try:
            outcome = perform(study, job, needs, checkpoints)
        except Exception as error:  # noqa: BLE001 - a job must not take the others with it
            outcome = failure(job, error)
    return _Returned(outcome, time.perf_counter() - started, checkpoints.posted)


def _plain(study: Study) -> Study:
    """With features that are no file: only so do they stay where they are, read by all jobs."""
    return replace(study, panel=replace(study.panel, features=np.asarray(study.panel.features)))


def _last_line(error: Exception) -> str:
    """Of a traceback from a node: what went wrong there."""
    return (str(error).strip().splitlines() or [""])[-1]
