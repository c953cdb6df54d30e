"""One run of many coins: jobs to an executor, what is told meanwhile, and its summary."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from crypto_bot.adapters.clock import SystemClock
from crypto_bot.app.training.screen import Screen
from crypto_bot.training import summary
from crypto_bot.training.executors.executor import Executor
from crypto_bot.training.graph import run_graph
from crypto_bot.training.job import jobs_of
from crypto_bot.training.observers import Lines, Published, Quiet, Several, Teller
from crypto_bot.training.run_store import Desk
from crypto_bot.training.study import Draft
from crypto_bot.training.summary import Line, Summary, published_line


@dataclass(frozen=True, slots=True)
class Invocation:
    """How a run was asked for: the words of the command, and whether it goes on from another."""

    command: str
    executor: str
    workers: int
    resumed: bool


class TrainingRun:
    """Does the jobs of one draft on one desk."""

    def __init__(
        self, desk: Desk, models_dir: Path, clock: SystemClock, tellers: Sequence[Teller] = ()
    ) -> None:
        self._desk = desk
        self._models_dir = models_dir
        self._clock = clock
        self._tellers = tuple(tellers)
        self.interrupted = False

    def go(
        self, draft: Draft, executor: Executor, asked: Invocation, others: Sequence[Line]
    ) -> Summary:
        """Trains until all is done, or a person stops it; what is finished stays published.

        `others` are the lines of the coins that are not trained.
        """
        began_ms, began_s = self._clock.now_ms(), self._clock.seconds()
        collected = _Collected()
        console = Console()
        screen = Screen(console, self._clock.seconds) if console.is_terminal else None
        teller = Several((collected, screen or Lines(), *self._tellers))
        try:
            with _terminated_is_interrupted(), screen or nullcontext():
                graph = jobs_of(draft.plan, len(draft.folds))
                run_graph(graph, executor, self._desk, self._models_dir, teller)
        except KeyboardInterrupt:
            self.interrupted = True
        finally:
            executor.close()
        return Summary(
            started_ms=began_ms,
            finished_ms=self._clock.now_ms(),
            seconds=self._clock.seconds() - began_s,
            command=asked.command,
            resumed=asked.resumed,
            hardware=summary.hardware(),
            workers=asked.workers,
            executor=asked.executor,
            plan=draft.plan,
            lines=(*collected.lines, *others),
        )


class _Collected(Quiet):
    """Keeps what came of each coin."""

    def __init__(self) -> None:
        self.lines: list[Line] = []

    def published(self, told: Published) -> None:
        self.lines.append(published_line(told))

    def not_published(self, symbol: str | None, reason: str) -> None:
        self.lines.append(Line(symbol or summary.POOL, "failed", reason))


@contextmanager
def _terminated_is_interrupted() -> Iterator[None]:
    """SIGTERM ends a run as Ctrl-C does."""
    before: Callable[..., object] | int | None = signal.signal(
        signal.SIGTERM, signal.default_int_handler
    )
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
