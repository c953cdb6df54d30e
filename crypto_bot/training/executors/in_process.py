"""One job after the other, in this process."""

from __future__ import annotations

from collections import deque

import torch

from crypto_bot.training.executors.executor import Event, do
from crypto_bot.training.job import Job
from crypto_bot.training.run_store import Desk
from crypto_bot.training.study import Study


class InProcess:
    """Does a job while it is waited for."""

    slots = 1

    def __init__(self, study: Study, desk: Desk) -> None:
        torch.set_num_threads(1)  # as in the workers: sums in another order have other bits
        self._study, self._desk = study, desk
        self._asked: deque[tuple[Job, tuple[Job, ...]]] = deque()
        self._told: deque[Event] = deque()

    def submit(self, job: Job, needed: tuple[Job, ...]) -> None:
        self._asked.append((job, needed))

    def wait(self) -> Event:
        if not self._told:
            job, needed = self._asked.popleft()
            self._told.append(do(self._study, self._desk, job, needed, self._told.append))
        return self._told.popleft()

    def close(self) -> None:
        self._asked.clear()
