"""Training runs and how far they are, as markup. Every text that others wrote is escaped."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import NamedTuple

from crypto_bot.adapters.web.page import cells, formats
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
    ending = next((name for name in ("failed", "stopped") if _any(run, name)), "finished")
    return RunLine(
        what=f"{run[0].tf}, {run[0].executor}",
        state=ending if is_over else RUNNING,
        started_ms=run[0].started_ms,
        ended_ms=max(ended) if is_over else None,
        done=len(ended),
        total=len(run),
        note=f"{newest.symbol}: {newest.phase or newest.verdict or newest.reason or newest.status}",
    )


def training_table(runs: Sequence[RunLine], now_ms: int, viewer: Viewer) -> str:
    """Those at work first, then the newest."""
    rows = "".join(
        _row(run, now_ms, viewer)
        for run in sorted(runs, key=lambda run: (run.state != RUNNING, -run.started_ms))
    )
    head = (
        f"<th scope=col>Started, {escape(viewer.zone_label)}</th><th scope=col>What</th>"
        "<th scope=col>State</th><th scope=col class=wide>Progress</th>"
        "<th scope=col class=num>Took</th><th scope=col class=more>Newest</th>"
    )
    return (
        f"<table class='figures runs'><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"
    )


def _row(run: RunLine, now_ms: int, viewer: Viewer) -> str:
    glyph, colour = _GLYPHS.get(run.state, ("none", ""))
    share = run.done / run.total if run.total > 0 else 0.0
    took = formats.age(((run.ended_ms or now_ms) - run.started_ms) / 1000)
    return (
        f"<tr><th scope=row class=muted>{formats.moment(run.started_ms, viewer.zone)}</th>"
        f"<td>{escape(run.what)}</td>"
        f"<td class='{colour}'>{cells.mark(glyph, colour)} {escape(run.state)}</td>"
        f"<td class=wide><div class=pair><span class=bar>{cells.level(share, 'text')}</span>"
        f"<span class='num muted'>{formats.number(run.done)}/{formats.number(run.total)}</span>"
        f"</div></td><td class=num>{took}</td>"
        f"<td class='words muted more'>{escape(run.note)}</td></tr>"
    )


def _any(run: Sequence[TrainingRecord], status: str) -> bool:
    return any(each.status == status for each in run)
