"""What the driver of a run asks of an executor, and how each of them does a job."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import NamedTuple, Protocol

from crypto_bot.domain.errors import CryptoBotError
from crypto_bot.models.checkpoint_store import EpochReport
from crypto_bot.training.job import Job
from crypto_bot.training.run_store import Desk
from crypto_bot.training.study import Study, perform


class Told(NamedTuple):
    """An epoch of a job under way."""

    job: Job
    report: EpochReport


class Done(NamedTuple):
    """A job whose product is on the desk."""

    job: Job
    seconds: float


class Failed(NamedTuple):
    """A job that cannot be done, and why, in one line."""

    job: Job
    reason: str


Event = Told | Done | Failed


class Executor(Protocol):
    """Does jobs, at most `slots` at a time."""

    @property
    def slots(self) -> int:
        """So many jobs can be under way."""
        ...

    def submit(self, job: Job, needed: tuple[Job, ...]) -> None:
        """Takes a job whose `needed` products are on the desk."""
        ...

    def wait(self) -> Event:
        """Blocks until something is to be told. Every job submitted ends Done or Failed, once."""
        ...

    def close(self) -> None:
        """Ends what is under way; its checkpoints stay."""
        ...


class DeskNotebook:
    """The notebook of one job on a desk."""

    def __init__(self, desk: Desk, job: Job, tell: Callable[[Told], None]) -> None:
        self._desk, self._job, self._tell = desk, job, tell

    def read(self) -> bytes | None:
        return self._desk.checkpoint(self._job)

    def write(self, content: bytes) -> None:
        self._desk.keep(self._job, content)

    def tell(self, report: EpochReport) -> None:
        self._tell(Told(self._job, report))


def do(
    study: Study, desk: Desk, job: Job, needed: tuple[Job, ...], tell: Callable[[Told], None]
) -> Done | Failed:
    """Does `job` and puts its product on the desk."""
    started = time.perf_counter()

    def work() -> None:
        products = {each: desk.get(each) for each in needed}
        desk.put(job, perform(study, job, products, DeskNotebook(desk, job, tell)))

    return attempted(job, work) or Done(job, time.perf_counter() - started)


def attempted(job: Job, work: Callable[[], None]) -> Failed | None:
    """Works for `job`; None where that went well. The one edge at which a job may fail as it will.

    What a person interrupts is not a failure.
    """
    try:
        work()
    except CryptoBotError as error:
        return Failed(job, str(error))
    except MemoryError:
        return Failed(job, "out of memory: use fewer --max_workers or a smaller --batch_size")
    except Exception as error:  # noqa: BLE001 - a job must not take the others with it
        return Failed(job, f"{type(error).__name__}: {error}")
    return None
