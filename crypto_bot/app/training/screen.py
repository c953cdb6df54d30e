"""A training run on a terminal: what is under way as a live table, what is published as lines."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Self

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from crypto_bot.models.checkpoint_store import EpochReport
from crypto_bot.training.events import (
    EpochFinished,
    Event,
    JobFailed,
    JobFinished,
    JobStarted,
    ModelNotPublished,
    ModelPublished,
    RunStarted,
)
from crypto_bot.training.jobs import Job
from crypto_bot.training.pages import shown
from crypto_bot.training.report import HEADS, cells
from crypto_bot.training.summary import POOL, Line, published_line


class Screen:
    """Draws while it is entered. `timer` gives seconds."""

    def __init__(self, console: Console, timer: Callable[[], float]) -> None:
        self._console = console
        self._timer = timer
        self._under_way: dict[Job, EpochReport | None] = {}
        self._jobs = self._done = self._here = 0
        self._began_s = timer()
        # Last: it draws as soon as it is made.
        self._live = Live(console=console, refresh_per_second=4, get_renderable=self._drawn)

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()

    def observe(self, event: Event) -> None:
        """Takes an event into the table; prints what became of a model."""
        match event:
            case RunStarted(jobs, done):
                self._jobs, self._done = len(jobs), done
            case JobStarted(job):
                self._under_way[job] = None
            case EpochFinished(job, report):
                self._under_way[job] = report
            case JobFinished(job):
                self._under_way.pop(job, None)
                self._done += 1
                self._here += 1
            case JobFailed(job, reason):
                self._under_way.pop(job, None)
                self._console.print(f"{job.name}: {reason}", style="bold red", markup=False)
            case ModelPublished():
                line = published_line(event)
                self._console.print(
                    f"{line.symbol:<10}{line.verdict:<10}skill {shown(line.skill, 100.0, 2)} %  "
                    f"AUC {shown(line.direction_auc, 1.0, 3)}  {line.version}",
                    markup=False,
                    highlight=False,
                )
            case ModelNotPublished(symbol, reason):
                text = f"{symbol or POOL}: no model: {reason}"
                self._console.print(text, style="red", markup=False)

    def _drawn(self) -> Group:
        table = Table(box=None, pad_edge=False, header_style="dim")
        for name in ("coin", "phase", "epoch", "loss", "held out", "windows/s", "left"):
            table.add_column(name, justify="left" if name in {"coin", "phase"} else "right")
        for job, report in list(self._under_way.items()):  # another thread draws
            table.add_row(job.symbol or "all", _phase(job, report), *_numbers(report))
        return Group(table, Text(self._overall()))

    def _overall(self) -> str:
        spent = self._timer() - self._began_s
        progress = f"{self._done} of {self._jobs} jobs done in {_lasting(spent)}"
        if not self._here:
            return progress
        left = spent / self._here * (self._jobs - self._done)
        return f"{progress}, about {_lasting(left)} left"


def _phase(job: Job, report: EpochReport | None) -> str:
    fold = "" if job.fold is None else f" {job.name.rpartition('-')[2]}"
    head = "" if report is None else f", {report.head}"
    return f"{job.stage.value}{fold}{head}"


def _numbers(report: EpochReport | None) -> tuple[str, ...]:
    if report is None:
        return ("", "", "", "", "")
    return (
        f"{report.epoch}/{report.epochs}",
        f"{report.fit_loss:.4f}",
        f"{report.validation_loss:.4f}",
        f"{report.windows / report.seconds:,.0f}",
        _lasting((report.epochs - report.epoch) * report.seconds),
    )


def _lasting(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def table_of(lines: Sequence[Line], now_ms: int) -> Table:
    """A row for each coin of a run, as on its page."""
    table = Table(*HEADS)
    for line in lines:
        table.add_row(*(Text(cell) for cell in cells(line, now_ms)))
    return table
