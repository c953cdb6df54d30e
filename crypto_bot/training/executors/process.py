"""Jobs in processes of their own: one thread each, the panel shared through its file."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from pathlib import Path
from threading import Thread

import torch

from crypto_bot.training.events import EpochFinished, JobEvent, JobFailed
from crypto_bot.training.executors.executor import do
from crypto_bot.training.jobs import Draft, Job
from crypto_bot.training.run_store import RunStore

ONE_THREAD = {
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    # Threads that wait by spinning take the cores away from those who work.
    "OMP_WAIT_POLICY": "PASSIVE",
}
_TRIES = 2


class Processes:
    """`slots` workers. A job whose worker dies is tried once more, in a new one.

    Workers are spawned, not forked: a forked process inherits locks that nobody holds any more.
    """

    def __init__(self, draft: Draft, store: RunStore, slots: int) -> None:
        self._draft, self._store, self.slots = draft, store, slots
        self._workers = [_Worker(draft, store.folder) for _ in range(slots)]
        self._tries: dict[Job, int] = {}

    @property
    def has_room(self) -> bool:
        """Whether a worker has nothing to do."""
        return any(worker.under_way is None for worker in self._workers)

    @property
    def has_events(self) -> bool:
        """Whether `wait` would return at once."""
        return bool(wait([worker.pipe for worker in self._busy], timeout=0))

    @property
    def _busy(self) -> list[_Worker]:
        return [worker for worker in self._workers if worker.under_way is not None]

    def submit(self, job: Job, needed: tuple[Job, ...]) -> None:
        self._tries[job] = self._tries.get(job, 0) + 1
        next(worker for worker in self._workers if worker.under_way is None).take(job, needed)

    def wait(self) -> JobEvent:
        while True:
            busy = self._busy
            ready = wait([worker.pipe for worker in busy])
            for worker in busy:
                if worker.pipe in ready and (event := self._received(worker)) is not None:
                    return event

    def close(self) -> None:
        for worker in self._workers:
            worker.end()

    def _received(self, worker: _Worker) -> JobEvent | None:
        """The event from `worker`; None where its job begins again in a new one."""
        try:
            event: JobEvent = worker.pipe.recv()
        except (EOFError, OSError):
            return self._replaced(worker)
        if not isinstance(event, EpochFinished):
            worker.under_way = None
        return event

    def _replaced(self, worker: _Worker) -> JobFailed | None:
        assert worker.under_way is not None
        job, needed = worker.under_way
        how = worker.end()
        self._workers[self._workers.index(worker)] = _Worker(self._draft, self._store.folder)
        if self._tries[job] < _TRIES:
            self.submit(job, needed)
            return None
        return JobFailed(
            job,
            f"its worker ended {_TRIES} times ({how}); where memory is short, use fewer "
            "--max_workers",
        )


class _Worker:
    """One process, and what it is doing."""

    def __init__(self, draft: Draft, folder: Path) -> None:
        context = multiprocessing.get_context("spawn")
        self.pipe, theirs = context.Pipe()
        self.under_way: tuple[Job, tuple[Job, ...]] | None = None
        self._process: SpawnProcess = context.Process(
            target=_work, args=(draft, folder, theirs), daemon=True
        )
        with _environment(ONE_THREAD):
            self._process.start()
        theirs.close()

    def take(self, job: Job, needed: tuple[Job, ...]) -> None:
        self.under_way = job, needed
        try:
            self.pipe.send((job, needed))
        except OSError:  # it has died meanwhile: `wait` notices
            return

    def end(self) -> str:
        """Ends the process; returns how it ended if it already had."""
        self._process.join(timeout=0)
        code = self._process.exitcode
        self._process.kill()
        self._process.join()
        self.pipe.close()
        if code is None:
            return "its pipe was closed"
        return f"by {signal.Signals(-code).name}" if code < 0 else f"with exit code {code}"


def _work(draft: Draft, folder: Path, pipe: Connection) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the driver ends its workers
    Thread(target=_end_with_the_driver, daemon=True).start()
    torch.set_num_threads(1)
    store = RunStore(folder)
    try:
        study = draft.study(store.panel)
        while True:
            job, needed = pipe.recv()
            pipe.send(do(study, store, job, needed, pipe.send))
    except (EOFError, BrokenPipeError, ConnectionResetError):
        return  # the driver has ended: a resumed run finds the checkpoints


def _end_with_the_driver() -> None:
    """The worker of a killed driver must not write to a store that another run has cleared."""
    driver = multiprocessing.parent_process()
    assert driver is not None
    driver.join()
    os._exit(1)


@contextmanager
def _environment(values: dict[str, str]) -> Iterator[None]:
    """Sets variables for what is started meanwhile."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
