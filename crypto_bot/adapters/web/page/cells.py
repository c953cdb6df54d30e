"""Drawn cells: inline SVG that carries three numbers in eighty pixels; see `drawings.html`.

Colours are classes of the style sheet: `long`, `short`, `warn`, `crit` or nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import isfinite, nan

from markupsafe import Markup

from crypto_bot.adapters.web.page.markup import drawings, width
from crypto_bot.domain.interval import Interval
from crypto_bot.domain.signal import Pred, Probabilities

SIDES = {Pred.SHORT: "short", Pred.NO_TRADE: "none", Pred.LONG: "long"}
_ARROWS = {Pred.SHORT: ("down", "short"), Pred.NO_TRADE: ("none", ""), Pred.LONG: ("up", "long")}
NOTHING_KNOWN: Mapping[Pred, float] = {}
RATES = (0.2, 0.8)
"""The scale of hit rates that stand under each other."""


def direction(pred: Pred) -> Markup:
    """The arrow of a call, coloured; a dash for NO_TRADE."""
    return drawings.mark(*_ARROWS[pred])


def chip(pred: Pred, *, filled: bool) -> Markup:
    """A call as a chip: filled where a calibrated model made it, outlined for a rule."""
    if pred is Pred.NO_TRADE:
        return drawings.quiet("no trade")
    arrow, side = _ARROWS[pred]
    return drawings.chip(side, arrow, "filled" if filled else "outlined")


def split(
    shares: Probabilities, called: Pred | None, usual: Mapping[Pred, float] = NOTHING_KNOWN
) -> Markup:
    """P(short), P(no trade), P(long) as parts of one bar; those not called are pale.

    Ticks stand where the parts would meet by the `usual` shares of short and long.
    """
    known = Pred.SHORT in usual and Pred.LONG in usual
    ticks = (usual[Pred.SHORT], 1.0 - usual[Pred.LONG]) if known else ()
    return _bar(shares, lambda pred: "" if called is pred else " pale", ticks)


def counts(short: int, none: int, long: int) -> Markup:
    """How many coins are short, out and long, as parts of one bar."""
    total = max(1, short + none + long)
    return _bar((short / total, none / total, long / total), lambda _: "")


def forest(
    interval: Interval, yardstick: float = nan, span: tuple[float, float] | None = None
) -> Markup:
    """A 95 % interval as a line, its estimate as a dot, and the yardstick as a dashed tick.

    All on the scale `span`, which fits them unless it is given, and clipped to it. Where there is
    no estimate (below 30 calls) there is no dot; where there is no interval the yardstick stands
    alone.
    """
    low_end, high_end = span or _fitting([*interval, yardstick])

    def x(value: float) -> str:
        return width((value - low_end) / (high_end - low_end)) if isfinite(value) else ""

    label = "no record"
    if interval.is_bounded:
        label = f"95 % interval {interval.low:.3f} to {interval.high:.3f}"
    if isfinite(yardstick):
        label += f", yardstick {yardstick:.3f}"
    if interval.is_estimated:
        label = f"estimate {interval.value:.3f}, {label}"
    reach = (x(interval.low), x(interval.high)) if interval.is_bounded else None
    return drawings.forest(reach, x(yardstick), x(interval.value), label)


def track(now_r: float, reward_r: float) -> Markup:
    """From the stop (left) to the target (right), for shorts too: entry as a tick, now as a dot.

    `now_r` is the result so far in units of what is risked, `reward_r` that of the target.
    """
    span = 1.0 + max(reward_r, 1e-9)
    entry, now = (f"{4 + 92 * min(1.0, max(0.0, (1.0 + r) / span)):.1f}%" for r in (0.0, now_r))
    label = f"{now_r:+.1f} R between the stop at -1 and the target at {reward_r:+.1f}"
    return drawings.track("long" if now_r >= 0 else "short", entry, now, label)


def sparkline(values: Sequence[float]) -> Markup:
    """At most 32 points, 64 by 18 pixels, the first to the last; nothing below two."""
    if len(values) < 2:
        return Markup()
    step = max(1.0, (len(values) - 1) / 31)
    count = min(32, len(values))
    picked = [values[round(step * index)] for index in range(count)]
    low, high = min(picked), max(picked)
    height = high - low or 1.0
    points = " ".join(
        f"{round(62 * index / (count - 1)) + 1},{round(16 - 14 * (value - low) / height)}"
        for index, value in enumerate(picked)
    )
    return drawings.sparkline(points)


def _bar(
    shares: Sequence[float], shade: Callable[[Pred], str], ticks: Sequence[float] = ()
) -> Markup:
    parts, at = [], 0.0
    for (pred, name), share in zip(SIDES.items(), shares, strict=True):
        parts.append((name + shade(pred), f"{100 * at:.1f}%", f"{100 * max(0.0, share):.1f}%"))
        at += max(0.0, share)
    short, none, long = shares
    label = f"short {short:.2f}, no trade {none:.2f}, long {long:.2f}"
    if ticks:
        label += f"; usual short {ticks[0]:.2f}, long {1.0 - ticks[1]:.2f}"
    return drawings.split(tuple(parts), label, tuple(width(tick) for tick in ticks))


def _fitting(values: Sequence[float]) -> tuple[float, float]:
    """A scale that holds all that is known of `values`, with a margin."""
    known = [value for value in values if isfinite(value)] or [0.0]
    margin = max(0.35 * (max(known) - min(known)), 1e-3)
    return min(known) - margin, max(known) + margin
