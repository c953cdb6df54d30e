"""How every chart of the page looks: grids, axes, tooltips, and the few functions of the browser.

Options are plain JSON. A key that begins with a colon holds a constant that the browser evaluates;
nothing that was written by others, and no number, is ever put into one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from crypto_bot.adapters.web.page.palette import Palette

Options = dict[str, Any]

SIGNED_PERCENT = (
    "(v) => { const n = Math.abs(v) < 1e-9 ? 0 : v;"
    " return (n < 0 ? '−' : n > 0 ? '+' : '') + String(+Math.abs(n).toFixed(4)) + '%' }"
)
"""`−1.5%`, `0%`, `+2%`."""
GROUPED = "(v) => v.toLocaleString('en-US')"
"""`12,500`."""
MUTED_SIZE = 11


def canvas(palette: Palette, said: str, **parts: Any) -> Options:
    """A chart without motion, described to screen readers by `said`."""
    return {
        "animation": False,
        "aria": {"enabled": True, "label": {"enabled": True, "description": said}},
        "backgroundColor": "transparent",
        "textStyle": {"fontFamily": "Roboto, sans-serif", "color": palette.muted, "fontSize": 11},
        "tooltip": tooltip(palette),
        **parts,
    }


def tooltip(palette: Palette) -> Options:
    """One box for all series at a place, inside the chart."""
    return {
        "trigger": "axis",
        "confine": True,
        "transitionDuration": 0,
        "backgroundColor": palette.raised,
        "borderColor": palette.line,
        "textStyle": {"color": palette.text, "fontSize": 12},
        "axisPointer": {"lineStyle": {"color": palette.muted}},
    }


def axis(palette: Palette, kind: str = "value", /, **more: Any) -> Options:
    """An axis with hairlines and muted labels."""
    label = {"color": palette.muted, "fontSize": MUTED_SIZE, **more.pop("axisLabel", {})}
    return {
        "type": kind,
        "axisLabel": label,
        "axisLine": {"show": True, "lineStyle": {"color": palette.line}},
        "axisTick": {"show": False},
        "splitLine": {"show": kind == "value", "lineStyle": {"color": palette.raised}},
        "nameTextStyle": {"color": palette.muted, "fontSize": MUTED_SIZE},
        **more,
    }


def times(palette: Palette, **more: Any) -> Options:
    """A time axis: the date where it changes. The chart's `useUTC` decides on the zone."""
    named = {"formatter": {"day": "{d} {MMM}", "month": "{d} {MMM}", "year": "{yyyy}"}}
    named["formatter"] |= {"hour": "{HH}:{mm}", "minute": "{HH}:{mm}"}
    label = {"hideOverlap": True, **named}
    return axis(palette, "time", axisLabel=label, **more) | {"splitLine": {"show": False}}


def segments(
    ends: Sequence[tuple[float | str, float, float]], colour: str, width: float = 1.5
) -> Options:
    """Upright lines (x, low, high) as the `markLine` of a series."""
    return {
        "silent": True,
        "symbol": "none",
        "animation": False,
        "label": {"show": False},
        "lineStyle": {"color": colour, "width": width, "type": "solid"},
        "data": [[{"coord": [x, low]}, {"coord": [x, high]}] for x, low, high in ends],
    }
