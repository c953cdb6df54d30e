"""The page of a run: one file that a browser shows without any network."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from html import escape

from crypto_bot.training.summary import Between, Line, Summary

_WIDTH, _ROW, _LEFT, _TOP = 640, 18, 96, 30
_HEADS = (
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
    told = (
        f"{began:%Y-%m-%d %H:%M} UTC, {summary.seconds / 60:.1f} min"
        f"{' (gone on from an earlier start)' if summary.resumed else ''}, "
        f"{summary.workers} workers ({summary.executor}), {summary.hardware}, "
        f"seed {summary.plan.seed}"
    )
    plots = "".join(
        (
            _forest("Skill against the prior, %", trained, _skill, _trees, scale=100.0, chance=0.0),
            _forest(
                "Direction AUC on bars that moved", trained, _auc, _none, scale=1.0, chance=0.5
            ),
        )
    )
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>Training of {began:%Y-%m-%d}</title><style>{_STYLE}</style>"
        f"<h1>Training of {len(trained)} models</h1><p>{escape(told)}</p>"
        f"<p class=muted><code>{escape(summary.command)}</code></p>"
        "<p>Dots are estimates out of sample, lines their 95 % intervals, ticks the two-head "
        "LightGBM on the same rows, the dashed line is chance.</p>"
        f"<div class=plots>{plots}</div>{_table(summary)}</html>\n"
    )


def _table(summary: Summary) -> str:
    head = "".join(f"<th scope=col>{name}</th>" for name in _HEADS)
    rows = "".join(_row(line, summary.finished_ms) for line in summary.lines)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"


def _row(line: Line, now_ms: int) -> str:
    age = line.age_days(now_ms)
    ece = "–" if line.ece is None else f"{line.ece:.4f} ({line.ece_floor or 0.0:.4f})"
    cells = (
        line.verdict or line.status,
        shown(line.skill, 100.0, 2),
        shown(line.skill_climatology, 100.0, 2),
        shown(line.trees_skill, 100.0, 2),
        shown(line.direction_auc, 1.0, 4),
        ece,
        "–" if age is None else f"{age:.0f}",
        line.reason,
    )
    body = "".join(f"<td>{escape(cell)}</td>" for cell in cells)
    return f"<tr><td>{escape(line.symbol)}</td>{body}</tr>"


def shown(told: Between | None, scale: float, decimals: int) -> str:
    """Such as `1.50 [1.32, 1.70]`; a dash where there is nothing to tell."""
    if told is None or told.value is None:
        return "–"
    text = f"{scale * told.value:.{decimals}f}"
    if told.low is None or told.high is None:
        return text
    return f"{text} [{scale * told.low:.{decimals}f}, {scale * told.high:.{decimals}f}]"


def _forest(
    title: str,
    lines: Sequence[Line],
    measured: Callable[[Line], Between | None],
    beside: Callable[[Line], Between | None],
    *,
    scale: float,
    chance: float,
) -> str:
    told = [(line.symbol, found, beside(line)) for line in lines if (found := measured(line))]
    values: list[float] = [
        scale * v for _, one, two in told for v in (*one, *(two or ())) if v is not None
    ]
    if not values:
        return ""
    values.append(chance * scale)
    low, high = min(values), max(values)
    step: float = (_WIDTH - _LEFT - 20) / ((high - low) or 1.0)

    def at(value: float) -> float:
        return _LEFT + (scale * value - low) * step

    height = _TOP + _ROW * len(told) + 24
    x = at(chance)
    dashed = 'stroke="currentColor" stroke-dasharray="4 3" opacity=".6"'
    marks = [f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{_TOP - 6}" y2="{height - 20}" {dashed}/>']
    for place, (symbol, one, two) in enumerate(told):
        y = _TOP + _ROW * place + 6
        marks.append(f'<text x="0" y="{y + 4}">{escape(symbol)}</text>')
        marks.append(_interval(one, at, y))
        if two is not None and two.value is not None:
            x = at(two.value)
            marks.append(
                f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{y - 5}" y2="{y + 5}" '
                'stroke="#b04a00" stroke-width="2"/>'
            )
    ends = (
        f'<text x="{_LEFT}" y="{height - 6}">{low:.3g}</text>'
        f'<text x="{_WIDTH - 20}" y="{height - 6}" text-anchor="end">{high:.3g}</text>'
    )
    return (
        f'<figure><svg width="{_WIDTH}" height="{height}" role="img" aria-label="{escape(title)}">'
        f'<text x="0" y="14" font-weight="600">{escape(title)}</text>{"".join(marks)}{ends}'
        "</svg></figure>"
    )


def _interval(told: Between, at: Callable[[float], float], y: int) -> str:
    if told.value is None:
        return ""
    dot = f'<circle cx="{at(told.value):.1f}" cy="{y}" r="3.5" fill="#1560bd"/>'
    if told.low is None or told.high is None:
        return dot
    return (
        f'<line x1="{at(told.low):.1f}" x2="{at(told.high):.1f}" y1="{y}" y2="{y}" '
        f'stroke="#1560bd" stroke-width="2"/>{dot}'
    )


def _skill(line: Line) -> Between | None:
    return line.skill


def _trees(line: Line) -> Between | None:
    return line.trees_skill


def _auc(line: Line) -> Between | None:
    return line.direction_auc


def _none(_: Line) -> Between | None:
    return None
