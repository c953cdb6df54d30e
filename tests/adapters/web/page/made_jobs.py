"""Jobs whose every word is given."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from crypto_bot.domain.errors import JobError
from crypto_bot.ports import Job, JobField, JobForm


@dataclass
class MadeJobs:
    """Two forms, and a job once one is started; `word` stands wherever a text may."""

    word: str = "word"
    result: Path | None = None
    state: str = ""
    started: list[tuple[str, dict[str, str]]] = field(default_factory=list)

    def forms(self) -> list[JobForm]:
        days = JobField("days", "Last", [("7", "7 days"), ("30", "30 days")])
        return [JobForm("train", "Training", self.word), JobForm("backtest", "B", "Runs.", [days])]

    def command(self, kind: str, chosen: Mapping[str, str]) -> str:
        return f"crypto-bot {kind} {chosen.get('days', self.word)}"

    async def start(self, kind: str, chosen: Mapping[str, str]) -> None:
        if self.state == "running":
            raise JobError("one at a time")
        self.state = "running"
        self.started.append((kind, dict(chosen)))

    def cancel(self) -> None:
        self.state = "stopped"

    def newest(self) -> list[Job]:
        if not self.state:
            return []
        command, lines = self.command("train", {}), (self.word,)
        times = 1_764_547_200_000, 90.0
        return [Job("one", self.word, command, self.state, *times, 3, 9, lines, self.result)]
