"""Jobs that a person starts beside the engine: training, candles, backtest, export."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple, Protocol

TRAIN = "train"
"""The kind of job that trains every model of the engine's recipe."""
CANDLES = "candles"
"""The kind of job that fetches the history that models are trained on."""


class JobField(NamedTuple):
    """A choice of a form: value and text of each option, the usual one first."""

    name: str
    title: str
    options: Sequence[tuple[str, str]]


class JobForm(NamedTuple):
    """What may be started: its `kind`, what it is called, what it does, what is chosen."""

    kind: str
    title: str
    does: str
    fields: Sequence[JobField] = ()


class Job(NamedTuple):
    """A job as it stands. `total` is 0 while its steps are not known."""

    id: str
    title: str
    command: str
    """What a person enters in a terminal for the same."""
    state: str
    """`running`, `stopping`, `finished`, `failed` or `stopped`."""
    started_ms: int
    seconds: float
    """From its start to its end, or to now."""
    done: int
    total: int
    lines: Sequence[str]
    """The newest lines that it printed, the newest last."""
    result: Path | None
    """The file that it has made, for kinds that make one."""

    @property
    def kind(self) -> str:
        """Of its form; the folder of a job ends with it."""
        return self.id.rpartition("-")[2]

    @property
    def under_way(self) -> bool:
        """Whether it has not ended."""
        return self.state in {"running", "stopping"}


class Jobs(Protocol):
    """One job at a time, each in a process of its own that outlives the engine."""

    def forms(self) -> Sequence[JobForm]:
        """What may be started here."""

    def command(self, kind: str, chosen: Mapping[str, str]) -> str:
        """What a person enters for the same. Raises JobError for what is no option."""

    async def start(self, kind: str, chosen: Mapping[str, str]) -> None:
        """Raises JobError while one is under way, and for what is no option of its form."""

    def cancel(self) -> None:
        """Asks the job under way to end; where none is, nothing happens."""

    def newest(self) -> Sequence[Job]:
        """The newest jobs, the newest first, also those of an engine before this one."""
