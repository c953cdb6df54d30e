"""The page of a run: one file that a browser shows without any network."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from html import escape
from math import isfinite

from crypto_bot.domain.interval import Interval
from crypto_bot.training.summary import Line, Summary

_WIDTH, _ROW, _LEFT, _TOP = 640, 18, 96, 30
_BLUE = 'stroke="#1560bd" stroke-width="2"/>'
_RED = 'stroke="#b04a00" stroke-width="2"/>'
HEADS = (
    *("coin", "verdict", "skill %", "vs climatology %", "LightGBM %", "direction AUC"),
    *("ECE (floor)", "age, days", "reason"),
)
_STYLE = """
body { font: 14px/1.45 system-ui, sans-serif; margin: 2rem auto; max-width: 75rem; padding: 0 1rem;
       color: #17202b; background: #fff; }
@media (prefers-color-scheme: dark) { body { color: #e6eaf0; background: #0e1116; } }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { padding: .25rem .6rem; text-align: right; border-bottom: 1px solid #8884;
         vertical-align: top; }
th:first-child, td:first-child, th:last-child, td:last-child, td.word { text-align: left; }
.plots { display: flex; flex-wrap: wrap; gap: 2rem; }
svg text { fill: currentColor; font-size: 11px; }
.muted { opacity: .7; }
"""


def page(summary: Summary) -> str:
    """The whole document."""
    began = datetime.fromtimestamp(summary.started_ms / 1000, UTC)
    trained = [line for line in summary.lines if line.status == "trained"]
    facts = (
        f"{began:%Y-%m-%d %H:%M} UTC, {summary.seconds / 60:.1f} min"
        f"{' (resumed from an earlier start)' if summary.resumed else ''}, "
        f"{summary.workers} workers ({summary.executor}), {summary.hardware}, "
        f"seed {summary.plan.seed}"
    )
    skills = [(line.symbol, line.skill, line.trees_skill) for line in trained]
    aucs = [(line.symbol, line.direction_auc, None) for line in trained]
    plots = _forest("Skill against the prior, %", skills, scale=100.0, chance=0.0) + _forest(
        "Direction AUC on bars that moved", aucs, scale=1.0, chance=0.5
    )
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>Training of {began:%Y-%m-%d}</title><style>{_STYLE}</style>"
        f"<h1>Training of {len(trained)} models</h1><p>{escape(facts)}</p>"
        f"<p class=muted><code>{escape(summary.command)}</code></p>"
        "<p>Dots are estimates out of sample, lines their 95 % intervals, ticks the two-head "
        "LightGBM on the same rows, the dashed line is chance.</p>"
        f"<div class=plots>{plots}</div>{_table(summary)}</html>\n"
    )


def _table(summary: Summary) -> str:
    head = "".join(f"<th scope=col>{name}</th>" for name in HEADS)
    rows = "".join(
        "<tr>"
        + "".join(f"<td>{escape(c)}</td>" for c in cells(line, summary.finished_ms))
        + "</tr>"
        for line in summary.lines
    )
    return f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"


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


def shown(measured: Interval | None, scale: float, decimals: int) -> str:
    """Such as `1.50 [1.32, 1.70]`; a dash where nothing is known."""
    if measured is None or not measured.is_estimated:
        return "–"
    value, low, high = (f"{scale * each:.{decimals}f}" for each in measured)
    return f"{value} [{low}, {high}]" if measured.is_bounded else value


def _forest(
    title: str,
    measured: Sequence[tuple[str, Interval | None, Interval | None]],
    *,
    scale: float,
    chance: float,
) -> str:
    """A dot and a line for each symbol's first interval, a tick for the second."""
    found = [each for each in measured if each[1] is not None and each[1].is_estimated]
    if not found:
        return ""
    known = [v for _, *pair in found for one in pair if one is not None for v in one if isfinite(v)]
    low, high = min(*known, chance) * scale, max(*known, chance) * scale
    step = (_WIDTH - _LEFT - 20) / ((high - low) or 1.0)

    def x_of(value: float) -> float:
        return _LEFT + (scale * value - low) * step

    height = _TOP + _ROW * len(found) + 24
    marks = [
        _line(x_of(chance), x_of(chance), _TOP - 6, height - 20)
        + 'stroke="currentColor" stroke-dasharray="4 3" opacity=".6"/>'
    ]
    for place, (symbol, one, two) in enumerate(found):
        assert one is not None
        y = _TOP + _ROW * place + 6
        marks.append(f'<text x="0" y="{y + 4}">{escape(symbol)}</text>')
        marks.append(f'<circle cx="{x_of(one.value):.1f}" cy="{y}" r="3.5" fill="#1560bd"/>')
        if one.is_bounded:
            marks.append(_line(x_of(one.low), x_of(one.high), y, y) + _BLUE)
        if two is not None and two.is_estimated:
            marks.append(_line(x_of(two.value), x_of(two.value), y - 5, y + 5) + _RED)
    ends = (
        f'<text x="{_LEFT}" y="{height - 6}">{low:.3g}</text>'
        f'<text x="{_WIDTH - 20}" y="{height - 6}" text-anchor="end">{high:.3g}</text>'
    )
    return (
        f'<figure><svg width="{_WIDTH}" height="{height}" role="img" aria-label="{escape(title)}">'
        f'<text x="0" y="14" font-weight="600">{escape(title)}</text>{"".join(marks)}{ends}'
        "</svg></figure>"
    )


def _line(x1: float, x2: float, y1: int, y2: int) -> str:
    return f'<line x1="{x1:.1f}" x2="{x2:.1f}" y1="{y1}" y2="{y2}" '
