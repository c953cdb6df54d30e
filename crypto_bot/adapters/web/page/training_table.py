"""Training runs and how far they are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from markupsafe import Markup

from crypto_bot.adapters.web.page import formats
from crypto_bot.adapters.web.page.markup import Column, Table, drawings, pieces
from crypto_bot.adapters.web.page.viewer import Viewer
from crypto_bot.domain.training_record import TrainingRecord

RUNNING = "running"
_GLYPHS = {RUNNING: ("clock", ""), "finished": ("tick", ""), "failed": ("cross", "crit")}


class RunLine(NamedTuple):
    """One run: `done` of `total` steps, such as epochs or jobs; `note` is its newest event."""

    what: str
    state: str
    """`running`, `finished`, `failed`, or other text that is shown as it is."""
    started_ms: int
    ended_ms: int | None
    done: int
    total: int
    note: str


def line_of(run: Sequence[TrainingRecord]) -> RunLine:
    """A run from its coins: as many steps as there are models to make."""
    ended = [each.finished_ms for each in run if each.finished_ms is not None]
    newest = max(run, key=lambda each: each.updated_ms)
    is_over = len(ended) == len(run)
    statuses = {each.status for each in run}
    ending = next((name for name in ("failed", "stopped") if name in statuses), "finished")
    return RunLine(
        what=f"{run[0].tf}, {run[0].executor}",
        state=ending if is_over else RUNNING,
        started_ms=run[0].started_ms,
        ended_ms=max(ended) if is_over else None,
        done=len(ended),
        total=len(run),
        note=f"{newest.symbol}: {newest.phase or newest.verdict or newest.reason or newest.status}",
    )


def training_table(runs: Sequence[RunLine], now_ms: int, viewer: Viewer) -> Markup:
    """Those at work first, then the newest."""
    zone = viewer.zone
    started = f"Started, {viewer.zone_label}"
    return Table[RunLine](
        Column(started, lambda run: formats.moment(run.started_ms, zone), "", "muted"),
        Column("What", lambda run: run.what),
        Column("State", _state),
        Column("Progress", _progress, "wide"),
        Column("Took", lambda run: _took(run, now_ms), "num"),
        Column("Newest", lambda run: run.note, "more", "words muted"),
        kind="runs",
    ).of(sorted(runs, key=lambda run: (run.state != RUNNING, -run.started_ms)))


def _state(run: RunLine) -> Markup:
    glyph, colour = _GLYPHS.get(run.state, ("none", ""))
    return pieces.tag(drawings.mark(glyph, colour) + f" {run.state}", colour)


def _progress(run: RunLine) -> Markup:
    share = run.done / run.total if run.total > 0 else 0.0
    steps = f"{formats.number(run.done)}/{formats.number(run.total)}"
    return pieces.progress(drawings.level(share, "text"), steps)


def _took(run: RunLine, now_ms: int) -> str:
    return formats.age(((run.ended_ms or now_ms) - run.started_ms) / 1000)
