"""How every chart of the page looks: grids, axes, tooltips, and the few functions of the browser.

Options are plain JSON. A key that begins with a colon holds a constant that the browser evaluates;
nothing that was written by others, and no number, is ever put into one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from crypto_bot.adapters.web.page.palette import Palette

Options = dict[str, Any]

SIGNED_PERCENT = (
    "(v) => { const n = Math.abs(v) < 1e-9 ? 0 : v;"
    " return (n < 0 ? '−' : n > 0 ? '+' : '') + String(+Math.abs(n).toFixed(4)) + '%' }"
)
"""`−1.5%`, `0%`, `+2%`."""
GROUPED = "(v) => v.toLocaleString('en-US')"
"""`12,500`."""
_MUTED_SIZE = 11


class Grid(NamedTuple):
    """A place in a chart and its axes; `canvas` adds what all axes have."""

    place: Options
    x: Options
    y: Options


def canvas(palette: Palette, description: str, *grids: Grid, **parts: Any) -> Options:
    """A chart without motion, described to screen readers by `description`."""
    return {
        "animation": False,
        "aria": {"enabled": True, "label": {"enabled": True, "description": description}},
        "backgroundColor": "transparent",
        "textStyle": {"fontFamily": "Roboto, sans-serif", "color": palette.muted, "fontSize": 11},
        "tooltip": tooltip(palette),
        "grid": [grid.place for grid in grids],
        "xAxis": [_axis(palette, at, grid.x) for at, grid in enumerate(grids)],
        "yAxis": [_axis(palette, at, grid.y) for at, grid in enumerate(grids)],
        **parts,
    }


def _axis(palette: Palette, grid: int, given: Options) -> Options:
    """An axis with hairlines and muted labels; of numbers unless its type is given."""
    of_numbers = given.get("type", "value") == "value"
    label = {"color": palette.muted, "fontSize": _MUTED_SIZE, **given.get("axisLabel", {})}
    return {
        "type": "value",
        "gridIndex": grid,
        "axisLine": {"show": True, "lineStyle": {"color": palette.line}},
        "axisTick": {"show": False},
        "splitLine": {"show": of_numbers, "lineStyle": {"color": palette.raised}},
        "nameTextStyle": {"color": palette.muted, "fontSize": _MUTED_SIZE},
        **given,
        "axisLabel": label,
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


def times(**label: Any) -> Options:
    """A time axis: the date where it changes. The chart's `useUTC` decides on the zone."""
    dates = dict.fromkeys(("day", "month"), "{MM}-{dd}") | {"year": "{yyyy}"}
    dates |= dict.fromkeys(("hour", "minute"), "{HH}:{mm}")
    return {"type": "time", "axisLabel": {"hideOverlap": True, "formatter": dates, **label}}


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
