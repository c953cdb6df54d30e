"""The summary of a run: a line for each coin, from its events."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch

from crypto_bot import __version__
from crypto_bot.domain.errors import TrainingError
from crypto_bot.domain.instant import DAY_MS
from crypto_bot.domain.interval import Interval
from crypto_bot.statistics.metrics import as_json
from crypto_bot.training.baselines import TREES
from crypto_bot.training.choice import Choice
from crypto_bot.training.events import Event, ModelNotPublished, ModelPublished
from crypto_bot.training.plan import TrainingPlan

POOL = "pool"
FORMAT = 1


@dataclass(frozen=True, slots=True)
class Line:
    """One coin of a run, or the pool. What was not trained has no measurements.

    `status` is trained, kept, skipped or failed; `reason` is the verdict's first, `meta.json` has
    them all. `skill`: log-loss skill against the prior, `trees_skill` that of the two-head LightGBM
    on the same rows; `gain`: what the model gains on it, nats a row. `ends_ms`: the newest candle
    that the model knows.
    """

    symbol: str
    status: str
    reason: str
    verdict: str | None = None
    version: str | None = None
    skill: Interval | None = None
    skill_climatology: Interval | None = None
    trees_skill: Interval | None = None
    gain: Interval | None = None
    direction_auc: Interval | None = None
    ece: float | None = None
    ece_floor: float | None = None
    ends_ms: int | None = None

    def age_days(self, now_ms: int) -> float | None:
        """From the newest candle that the model knows to `now_ms`."""
        return None if self.ends_ms is None else (now_ms - self.ends_ms) / DAY_MS


@dataclass(frozen=True, slots=True)
class Summary:
    """A whole run. `seconds` are those of this process; a run that was resumed took more."""

    started_ms: int
    finished_ms: int
    seconds: float
    command: str
    resumed: bool
    hardware: str
    workers: int
    executor: str
    plan: TrainingPlan
    lines: tuple[Line, ...]

    @property
    def failed(self) -> bool:
        """Whether any coin has failed."""
        return any(line.status == "failed" for line in self.lines)


def lines_of(events: Iterable[Event]) -> list[Line]:
    """What became of each coin of a run."""
    lines = []
    for event in events:
        match event:
            case ModelPublished():
                lines.append(published_line(event))
            case ModelNotPublished(symbol, reason):
                lines.append(Line(symbol or POOL, "failed", reason))
    return lines


def published_line(event: ModelPublished) -> Line:
    """Of a model that has been published."""
    meta = event.meta
    metrics: dict[str, Any] = json.loads(event.metrics)["coin"]
    own = metrics["model"]
    trees = metrics["baselines"].get(TREES)
    chances = own["probabilities"]
    return Line(
        symbol=event.symbol or POOL,
        status="trained",
        reason=meta.reasons[0] if meta.reasons else "",
        verdict=meta.verdict.value,
        version=meta.version,
        skill=_interval(chances["skill_prior"]),
        skill_climatology=_interval(chances["skill_climatology"]),
        trees_skill=_interval(trees["probabilities"]["skill_prior"]) if trees else None,
        gain=_interval(metrics["gains"][TREES]) if trees else None,
        direction_auc=_interval(own["direction"]["auc"]),
        ece=chances["ece"],
        ece_floor=chances["ece_floor"],
        ends_ms=meta.span.last_open_ms,
    )


def untrained_line(choice: Choice) -> Line:
    """Of a coin that the run left as it was."""
    status = {"keep": "kept", "skip": "skipped", "fail": "failed"}[choice.action.value]
    return Line(choice.symbol, status, choice.reason)


def in_order(lines: Iterable[Line], symbols: Sequence[str]) -> tuple[Line, ...]:
    """The pool first, then the coins in the order of `symbols`."""
    place = {symbol: at for at, symbol in enumerate((POOL, *symbols))}
    return tuple(sorted(lines, key=lambda line: place[line.symbol]))


def as_text(summary: Summary) -> str:
    """As it is stored."""
    content = {field.name: as_json(getattr(summary, field.name)) for field in fields(summary)}
    content["coins"] = content.pop("lines")
    content = {"format": FORMAT, "code_version": __version__, **content}
    return json.dumps(content, indent=1, allow_nan=False) + "\n"


def write(text: str, page: str, folder: Path, finished_ms: int) -> Path:
    """`training_summary_<utc>.json` in `folder`, and `page` beside it. Raises TrainingError."""
    moment = datetime.fromtimestamp(finished_ms / 1000, UTC)
    path = folder / f"training_summary_{moment:%Y%m%dT%H%M%SZ}.json"
    try:
        path.write_text(text, encoding="utf-8")
        path.with_suffix(".html").write_text(page, encoding="utf-8")
    except OSError as error:
        raise TrainingError(
            f"the summary could not be written to {path} ({error.strerror}); the models are "
            "published: crypto-bot models list"
        ) from error
    return path


def hardware() -> str:
    """Processor, cores and memory, and the GPU where there is one."""
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30
    machine = f"{_processor()}, {len(os.sched_getaffinity(0))} cores, {memory:.0f} GiB"
    if torch.cuda.is_available():
        machine += f", {torch.cuda.get_device_name()}"
    return machine


def _processor() -> str:
    try:
        with Path("/proc/cpuinfo").open(encoding="utf-8") as file:
            names = [line.partition(":")[2] for line in file if line.startswith("model name")]
    except OSError:
        names = []
    return names[0].strip() if names else platform.processor() or platform.machine()


def _interval(held: dict[str, float | None]) -> Interval:
    return Interval.of(held.values())
