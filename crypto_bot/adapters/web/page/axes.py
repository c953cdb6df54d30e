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


def canvas(palette: Palette, description: str, **parts: Any) -> Options:
    """A chart without motion, described to screen readers by `description`."""
    return {
        "animation": False,
        "aria": {"enabled": True, "label": {"enabled": True, "description": description}},
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


def line(name: str, data: Sequence[Any], colour: str, width: float = 1.5, **more: Any) -> Options:
    """A line without symbols; `dash` is its type, `grid` the number of its axes."""
    style = {"color": colour, "width": width, "type": more.pop("dash", "solid")}
    return {
        "name": name,
        "type": "line",
        "symbol": "none",
        "lineStyle": style,
        "itemStyle": {"color": colour},
        "data": data,
        **_on(more.pop("grid", 0)),
        **more,
    }


def bars(name: str, data: Sequence[Any], colour: str, **more: Any) -> Options:
    """Bars that nothing happens on, of the second grid."""
    style = {"color": colour, **more.pop("itemStyle", {})}
    made = {"name": name, "type": "bar", "silent": True, "itemStyle": style, "data": data}
    return {**made, **_on(1), **more}


def dots(name: str, data: Sequence[Any], size: float, **more: Any) -> Options:
    """Points that nothing happens on; of size 0 they only widen the scale."""
    made = {"name": name, "type": "scatter", "symbolSize": size, "silent": True}
    return {**made, "data": data, **more}


def level(data: Sequence[Any], colour: str, label: Options, dash: str = "dashed") -> Options:
    """Hairlines, across the chart or between two places, as the `markLine` of a series."""
    style = {"color": colour, "type": dash, "width": 1}
    return {"silent": True, "symbol": "none", "lineStyle": style, "label": label, "data": data}


def point(data: Sequence[Options], colour: str, size: int, position: str) -> Options:
    """A marked point with its value as the `markPoint` of a series."""
    return {
        "silent": True,
        "symbol": "circle",
        "symbolSize": size,
        "itemStyle": {"color": colour},
        "label": {"position": position, "color": colour, "formatter": "{c}"},
        "data": data,
    }


def legend(palette: Palette, names: Sequence[str], **place: Any) -> Options:
    """Names of series beside short strokes."""
    stroke = {"icon": "roundRect", "itemWidth": 14, "itemHeight": 3}
    return {"data": list(names), "textStyle": {"color": palette.muted}, **stroke, **place}


def middle(name: str, gap: int) -> Options:
    """The name of an axis, along its middle."""
    return {"name": name, "nameLocation": "middle", "nameGap": gap}


def _on(grid: int) -> Options:
    return {"xAxisIndex": grid, "yAxisIndex": grid} if grid else {}
