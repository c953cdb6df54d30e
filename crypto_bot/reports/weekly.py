"""The report of a week: what was called, what came of it, and what changed in the models."""

from __future__ import annotations

from collections.abc import Sequence

from crypto_bot.domain.alarm import Alarm
from crypto_bot.domain.instant import instant
from crypto_bot.domain.role_change import RoleChange
from crypto_bot.reports.live_record import ModelsReport, PerformanceReport
from crypto_bot.reports.live_skill import LiveModel
from crypto_bot.statistics.breakdown import Line
from crypto_bot.training.pages import TableRow, forest, render, shown

_LINES = ("source", "calls", "episodes", "won, %", "mean result, R")
_MODELS = ("model", "settled", "skill live, %", "skill tested, %", "which way live", "version")
_CHANGES = ("at, UTC", "coin", "served since", "because", "evidence")


def sentence(until: str, report: PerformanceReport, changes: Sequence[RoleChange]) -> str:
    """The week in one line."""
    trades = report.trades
    won = f", {shown(trades.rate, 100.0, 0)} % won" if trades.rate.is_estimated else ""
    return (
        f"week until {until}: {report.calls:,} predictions settled, {trades.calls:,} of them calls "
        f"in {trades.n:,} episodes{won}; {len(changes)} changes of the served models"
    )


def page(
    until: str,
    report: PerformanceReport,
    models: ModelsReport,
    changes: Sequence[RoleChange],
    alarms: Sequence[Alarm],
) -> str:
    """The whole document."""
    live = (models.together, *models.models)
    skills = [
        (_name(each), each.skill, each.tested.skill_climatology if each.tested else None)
        for each in live
    ]
    plot = forest("Skill live, ticks: tested, %", skills, scale=100.0, chance=0.0)
    return render(
        "weekly.html",
        until=until,
        sentence=sentence(until, report, changes),
        alarms=[str(each) for each in alarms],
        plots=[] if plot is None else [plot],
        line_heads=_LINES,
        lines=[TableRow(_line(each)) for each in (report.trades, *report.by_source)],
        model_heads=_MODELS,
        models=[TableRow(_model(each)) for each in live],
        change_heads=_CHANGES,
        changes=[TableRow(_change(each)) for each in changes],
    )


def _line(line: Line) -> tuple[str, ...]:
    return (
        line.name,
        f"{line.calls:,}",
        f"{line.n:,}",
        shown(line.rate, 100.0, 1),
        shown(line.mean_r, 1.0, 2),
    )


def _model(model: LiveModel) -> tuple[str, ...]:
    return (
        _name(model),
        f"{model.n:,}",
        shown(model.skill, 100.0, 2),
        shown(model.tested.skill_climatology if model.tested else None, 100.0, 2),
        shown(model.direction_auc, 1.0, 3),
        model.version,
    )


def _name(model: LiveModel) -> str:
    return model.symbol or "all models"


def _change(change: RoleChange) -> tuple[str, ...]:
    at = instant(change.at_ms)[:16].replace("T", " ")
    return at, change.symbol or "pool", change.champion, change.because.value, change.evidence
