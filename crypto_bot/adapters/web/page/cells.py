"""Drawn cells: inline SVG that carries three numbers in eighty pixels.

Builders take floats and enums, never a text of others, so what they return may be shown unsanitised
(`ui.html(..., sanitize=False)`, `v-html`). Positions are in percent of the width and there is no
`viewBox`, so dots stay round at any width. Colours come from classes of the style sheet.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from math import isfinite, nan

from crypto_bot.domain.interval import Interval
from crypto_bot.domain.signal import Pred

_MARKS = {
    "up": '<path d="M8 3 14 13H2z"/>',
    "down": '<path d="M8 13 2 3h12z"/>',
    "full": '<circle cx="8" cy="8" r="5"/>',
    "half": '<path d="M8 3a5 5 0 0 0 0 10z"/><circle cx="8" cy="8" r="5" class="hollow"/>',
    "low": '<path d="M8 13 2.5 4h11z" class="hollow"/>',
    "cross": '<path d="M3 3l10 10M13 3 3 13" class="stroke"/>',
    "blocked": '<circle cx="8" cy="8" r="6.5"/><path d="M4.5 8h7" class="gap"/>',
    "tick": '<path d="M2.5 8.5 6.5 12.5 13.5 4" class="stroke"/>',
    "clock": '<circle cx="8" cy="8" r="5.7" class="hollow"/><path d="M8 4.6V8l2.4 1.6" '
    'class="hollow"/>',
    "warning": '<path d="M8 1.5 15.3 14.5H.7z"/><path d="M8 6v4.2M8 11.6v1.5" class="gap"/>',
    "none": '<path d="M3 8h10" class="stroke"/>',
}
_VERDICTS = {
    "ACTIVE": "full",
    "WARMUP": "half",
    "LOW": "low",
    "REJECTED": "cross",
    "BLOCKED": "blocked",
}
RATES = (0.2, 0.8)
"""The scale of hit rates that stand under each other."""
BAD_VERDICTS = frozenset({"REJECTED", "BLOCKED"})


def mark(name: str, colour: str = "") -> str:
    """A glyph as text is high, beside a word: up, down, tick, cross, clock, warning and others.

    `colour` is a class of the style sheet: `long`, `short`, `warn`, `crit` or nothing.
    """
    return (
        f'<svg class="mark {colour}" width="12" height="12" viewBox="0 0 16 16" '
        f'aria-hidden="true">{_MARKS[name]}</svg>'
    )


def direction(pred: Pred) -> str:
    """The arrow of a call, coloured; a dash for NO_TRADE."""
    return {
        Pred.LONG: mark("up", "long"),
        Pred.SHORT: mark("down", "short"),
        Pred.NO_TRADE: mark("none"),
    }[pred]


def chip(pred: Pred, *, filled: bool) -> str:
    """A call as a chip: filled where a calibrated model made it, outlined for a rule."""
    if pred is Pred.NO_TRADE:
        return '<span class="quiet">no trade</span>'
    side, arrow = ("long", "up") if pred is Pred.LONG else ("short", "down")
    kind = "filled" if filled else "outlined"
    return f'<span class="chip {side} {kind}">{mark(arrow)}{side.upper()}</span>'


def verdict(name: str) -> str:
    """The verdict on a model with its glyph; one that nobody knows is shown as a word alone."""
    colour = "crit" if name in BAD_VERDICTS else ""
    glyph = mark(_VERDICTS[name], colour) if name in _VERDICTS else ""
    return f'<span class="verdict {colour}">{glyph}{escape(name)}</span>'


def split(short: float, none: float, long: float, called: Pred | None) -> str:
    """P(short), P(no trade), P(long) as parts of one bar; those not called are pale."""
    parts = []
    at = 0.0
    for name, share, pred in (
        ("short", short, Pred.SHORT),
        ("none", none, Pred.NO_TRADE),
        ("long", long, Pred.LONG),
    ):
        pale = "" if called is pred else " pale"
        width = max(0.0, share)
        parts.append(
            f'<rect class="{name}{pale}" x="{100 * at:.1f}%" width="{100 * width:.1f}%" '
            'height="8"/>'
        )
        at += width
    said = f"short {short:.2f}, no trade {none:.2f}, long {long:.2f}"
    return _drawing("split", 8, said, "".join(parts))


def counts(short: int, none: int, long: int) -> str:
    """How many coins are short, out and long, as parts of one bar."""
    total = max(1, short + none + long)
    return split(short / total, none / total, long / total, None).replace(" pale", "")


def forest(
    interval: Interval, yardstick: float = nan, span: tuple[float, float] | None = None
) -> str:
    """A 95 % interval as a line, its estimate as a dot, and the yardstick as a dashed tick.

    All on the scale `span`, which fits them unless it is given, and clipped to it. Where there is
    no estimate (below 30 calls) there is no dot; where there is no interval the yardstick stands
    alone.
    """
    low_end, high_end = span or _fitting([*interval, yardstick])

    def x(value: float) -> str:
        share = (value - low_end) / (high_end - low_end)
        return f"{100 * min(1.0, max(0.0, share)):.1f}%"

    parts = ['<line class="rule" x1="0" x2="100%" y1="8" y2="8"/>']
    said = "no record"
    value, low, high = interval
    if interval.is_bounded:
        pale = "" if interval.is_estimated else " pale"
        parts.append(f'<line class="reach{pale}" x1="{x(low)}" x2="{x(high)}" y1="8" y2="8"/>')
        said = f"95 % interval {low:.3f} to {high:.3f}"
    if isfinite(yardstick):
        at = x(yardstick)
        parts.append(f'<line class="yardstick" x1="{at}" x2="{at}" y1="1" y2="15"/>')
        said += f", yardstick {yardstick:.3f}"
    if interval.is_estimated:
        parts.append(f'<circle class="dot" cx="{x(value)}" cy="8" r="3"/>')
        said = f"estimate {value:.3f}, {said}"
    return _drawing("forest", 16, said, "".join(parts))


def _fitting(values: Sequence[float]) -> tuple[float, float]:
    """A scale that holds all that is known of `values`, with a margin."""
    known = [value for value in values if isfinite(value)] or [0.0]
    margin = max(0.35 * (max(known) - min(known)), 1e-3)
    return min(known) - margin, max(known) + margin


def track(now_r: float, reward_r: float) -> str:
    """From the stop (left) to the target (right), for shorts too: entry as a tick, now as a dot.

    `now_r` is the result so far in units of what is risked, `reward_r` that of the target.
    """
    span = 1.0 + max(reward_r, 1e-9)

    def x(r: float) -> str:
        return f"{4 + 92 * min(1.0, max(0.0, (1.0 + r) / span)):.1f}%"

    side = "long" if now_r >= 0 else "short"
    entry, now = x(0.0), x(now_r)
    return _drawing(
        "track",
        16,
        f"{now_r:+.1f} R between the stop at -1 and the target at {reward_r:+.1f}",
        f'<line class="rule" x1="4%" x2="96%" y1="8" y2="8"/>'
        f'<line class="end" x1="4%" x2="4%" y1="3" y2="13"/>'
        f'<line class="end" x1="96%" x2="96%" y1="3" y2="13"/>'
        f'<line class="way {side}" x1="{entry}" x2="{now}" y1="8" y2="8"/>'
        f'<line class="entry" x1="{entry}" x2="{entry}" y1="4" y2="12"/>'
        f'<circle class="dot" cx="{now}" cy="8" r="3"/>',
    )


def sparkline(values: Sequence[float]) -> str:
    """At most 32 points, 64 by 18 pixels, the first to the last; nothing below two."""
    if len(values) < 2:
        return ""
    step = max(1.0, (len(values) - 1) / 31)
    count = min(32, len(values))
    picked = [values[round(step * index)] for index in range(count)]
    low, high = min(picked), max(picked)
    height = high - low or 1.0
    points = " ".join(
        f"{round(62 * index / (count - 1)) + 1},{round(16 - 14 * (value - low) / height)}"
        for index, value in enumerate(picked)
    )
    return (
        '<svg class="spark" width="64" height="18" aria-hidden="true">'
        f'<polyline points="{points}"/></svg>'
    )


def last_results(wins: Sequence[bool]) -> str:
    """The newest results, oldest first: a tick up for a gain, a tick down for a loss."""
    ticks = "".join(
        f'<rect class="{"long" if won else "short"}" x="{5 * index}" y="{2 if won else 9}" '
        'width="4" height="7"/>'
        for index, won in enumerate(wins)
    )
    if not ticks:
        return ""
    said = f"{sum(wins)} of the last {len(wins)} gained"
    return (
        f'<svg class="ticks" width="{5 * len(wins)}" height="18" role="img" '
        f'aria-label="{said}">{ticks}</svg>'
    )


def level(share: float, side: str) -> str:
    """A share as a bar of the class `side`."""
    parts = (
        '<rect class="trough" width="100%" height="8" y="3"/>'
        f'<rect class="{side}" width="{100 * min(1.0, max(0.0, share)):.1f}%" height="8" y="3"/>'
    )
    return _drawing("level", 14, f"{share:.2f}", parts)


def lean(value: float) -> str:
    """A part of a score, -1..1, as a bar from the middle: orange to the left, blue to the right."""
    reach = 50 * min(1.0, abs(value))
    at = 50 - reach if value < 0 else 50
    side = "long" if value >= 0 else "short"
    return _drawing(
        "lean",
        12,
        f"{value:+.2f}",
        '<rect class="trough" width="100%" height="6" y="3"/>'
        f'<rect class="{side}" x="{at:.1f}%" width="{reach:.1f}%" height="6" y="3"/>'
        '<line class="entry" x1="50%" x2="50%" y1="0" y2="12"/>',
    )


def _drawing(kind: str, height: int, said: str, parts: str) -> str:
    return (
        f'<svg class="{kind}" width="100%" height="{height}" role="img" aria-label="{said}">'
        f"{parts}</svg>"
    )
