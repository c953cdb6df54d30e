"""The page of a run."""

from __future__ import annotations

from datetime import UTC, datetime

from crypto_bot.training.pages import TableRow, forest, render, shown
from crypto_bot.training.summary import Line, Summary

HEADS = (
    *("coin", "verdict", "skill %", "vs climatology %", "LightGBM %", "direction AUC"),
    *("ECE (floor)", "age, days", "reason"),
)


def page(summary: Summary) -> str:
    """The whole document."""
    trained = [line for line in summary.lines if line.status == "trained"]
    skills = [(line.symbol, line.skill, line.trees_skill) for line in trained]
    aucs = [(line.symbol, line.direction_auc, None) for line in trained]
    plots = (
        forest("Skill against the prior, %", skills, scale=100.0, chance=0.0),
        forest("Direction AUC on bars that moved", aucs, scale=1.0, chance=0.5),
    )
    return render(
        "run.html",
        day=_began(summary).strftime("%Y-%m-%d"),
        trained=len(trained),
        facts=facts(summary),
        command=summary.command,
        plots=[plot for plot in plots if plot is not None],
        heads=HEADS,
        rows=[TableRow(cells(line, summary.finished_ms)) for line in summary.lines],
    )


def facts(summary: Summary) -> str:
    """When, how long and on what."""
    return (
        f"{_began(summary):%Y-%m-%d %H:%M} UTC, {summary.seconds / 60:.1f} min"
        f"{' (resumed from an earlier start)' if summary.resumed else ''}, "
        f"{summary.workers} workers ({summary.executor}), {summary.hardware}, "
        f"seed {summary.plan.seed}"
    )


def cells(line: Line, now_ms: int) -> tuple[str, ...]:
    """The texts under `HEADS`."""
    age = line.age_days(now_ms)
    return (
        line.symbol,
        line.verdict or line.status,
        shown(line.skill, 100.0, 2),
        shown(line.skill_climatology, 100.0, 2),
        shown(line.trees_skill, 100.0, 2),
        shown(line.direction_auc, 1.0, 4),
        "–" if line.ece is None else f"{line.ece:.4f} ({line.ece_floor or 0.0:.4f})",
        "–" if age is None else f"{age:.0f}",
        line.reason,
    )


def _began(summary: Summary) -> datetime:
    return datetime.fromtimestamp(summary.started_ms / 1000, UTC)
