"""One job after the other, in this process."""

from __future__ import annotations

from collections import deque

import torch

from crypto_bot.training.events import JobEvent
from crypto_bot.training.executors.executor import do
from crypto_bot.training.jobs import Job
from crypto_bot.training.run_store import RunStore
from crypto_bot.training.study import Study


class InProcess:
    """Does a job while it is waited for."""

    slots = 1

    def __init__(self, study: Study, store: RunStore) -> None:
        torch.set_num_threads(1)  # as in the workers: sums in another order have other bits
        self._study, self._store = study, store
        self._submitted: deque[tuple[Job, tuple[Job, ...]]] = deque()
        self._events: deque[JobEvent] = deque()

    def submit(self, job: Job, needed: tuple[Job, ...]) -> None:
        self._submitted.append((job, needed))

    def wait(self) -> JobEvent:
        if not self._events:
            job, needed = self._submitted.popleft()
            self._events.append(do(self._study, self._store, job, needed, self._events.append))
        return self._events.popleft()

    def close(self) -> None:
        self._submitted.clear()
