"""The chart of a coin: candles with calls and outcomes, volume, and what the model gave."""

from __future__ import annotations

from crypto_bot.adapters.web.page import chart_marks, formats
from crypto_bot.adapters.web.page.axes import Options, bars, line, tooltip
from crypto_bot.adapters.web.page.chart_marks import ChartData
from crypto_bot.adapters.web.page.palette import Palette
from crypto_bot.adapters.web.page.trade import calibrated
from crypto_bot.adapters.web.page.viewer import Viewer

BARS = 130
_PHONE_BARS = 60
_FUTURE = 16


def chart(data: ChartData, viewer: Viewer) -> Options:
    """ECharts options. The number of series is constant, so a new bar keeps the zoom."""
    palette = viewer.palette
    opens = [candle.open_ms for candle in data.candles]
    future = max(_FUTURE, data.trade.of_bars - data.trade.bars + 1 if data.trade else 0)
    last = opens[-1] if opens else 0
    opens += [last + step * data.timeframe.ms for step in range(1, future + 1)] if opens else []
    labels = [formats.moment(open_ms, viewer.zone) for open_ms in opens]
    at = {open_ms: index for index, open_ms in enumerate(opens)}
    has_model = any(calibrated(each.stored.signal) for each in data.lines)
    cross = {"backgroundColor": palette.raised}
    shown = _PHONE_BARS if viewer.is_phone else len(opens)
    span = {"startValue": max(0, len(opens) - shown), "endValue": max(0, len(opens) - 1)}
    return {
        "animation": False,
        "aria": {"enabled": True},
        "textStyle": {"fontFamily": "Roboto, sans-serif", "color": palette.muted},
        "grid": _grids(has_model),
        "axisPointer": {"link": [{"xAxisIndex": "all"}], "lineStyle": {"color": palette.muted}},
        "tooltip": tooltip(palette) | {"axisPointer": {"type": "cross", "label": cross}},
        "dataZoom": [{"type": "inside", "xAxisIndex": [0, 1, 2], **span}],
        "xAxis": [_x_axis(labels, palette, grid, has_model) for grid in range(3)],
        "yAxis": _y_axes(data, palette, has_model),
        "series": [
            _candles(data, labels, palette),
            *chart_marks.calls(data, at, palette),
            chart_marks.endings(data, at, palette),
            chart_marks.reach(data, len(opens)),
            bars("volume", [candle.volume for candle in data.candles], palette.none),
            *_ribbon(data, at, len(opens), palette),
        ],
    }


def moved(data: ChartData, viewer: Viewer) -> Options:
    """What of the options a new price changes: to be merged, so that the zoom stays."""
    return {"series": [{"name": "price", "markLine": _levels(data, viewer.palette)}]}


def _grids(has_model: bool) -> list[Options]:
    sides = {"left": 8, "right": 72, "outerBoundsMode": "none"}
    spans = (("8", "78%"), ("85%", "10%"), ("97%", "0"))
    if has_model:
        spans = (("8", "60%"), ("68%", "9%"), ("80%", "14%"))
    return [{**sides, "top": top, "height": height} for top, height in spans]


def _x_axis(labels: list[str], palette: Palette, grid: int, has_model: bool) -> Options:
    ends = {"alignMinLabel": "left", "alignMaxLabel": "right"}
    is_lowest = grid == (2 if has_model else 1)
    return {
        "type": "category",
        "gridIndex": grid,
        "data": labels,
        "axisLine": {"show": grid < 2 or has_model, "lineStyle": {"color": palette.line}},
        "axisTick": {"show": False},
        "axisLabel": {"show": is_lowest, "color": palette.muted, "hideOverlap": True, **ends},
    }


def _y_axes(data: ChartData, palette: Palette, has_model: bool) -> list[Options]:
    decimals = _decimals(data)
    price = f"value => value.toLocaleString('en-US', {{minimumFractionDigits: {decimals}, "
    price += f"maximumFractionDigits: {decimals}}})"
    quiet = {"show": False}
    lines = {"position": "right", "splitLine": {"lineStyle": {"color": palette.raised}}}
    label = {"color": palette.muted, "showMinLabel": False, "showMaxLabel": False}
    share = {**label, ":formatter": "value => Math.abs(value)"}
    shares = {"min": -1, "max": 1, "interval": 0.5, "show": has_model, "axisLabel": share}
    # A key that begins with a colon is read as JavaScript: numbers of ours only.
    return [
        {"scale": True, **lines, "axisLabel": {**label, ":formatter": price}},
        {"gridIndex": 1, "axisLabel": quiet, "splitLine": quiet, "axisTick": quiet},
        {"gridIndex": 2, **shares, **lines},
    ]


def _decimals(data: ChartData) -> int:
    return formats.decimals_of([candle.close for candle in data.candles[-32:]])


def _candles(data: ChartData, labels: list[str], palette: Palette) -> Options:
    up, down = palette.long, palette.short
    style = {"color": "transparent", "color0": down, "borderColor": up, "borderColor0": down}
    return {
        "type": "candlestick",
        "name": "price",
        "data": [[c.open, c.close, c.low, c.high] for c in data.candles],
        "itemStyle": style,  # up is hollow
        "markArea": {"silent": True, "data": _areas(data, labels, palette)},
        "markLine": _levels(data, palette),
    }


def _areas(data: ChartData, labels: list[str], palette: Palette) -> list[list[Options]]:
    """Reward and risk of the open call, until it expires."""
    trade = data.trade
    if trade is None or not labels:
        return []
    start = max(0, len(data.candles) - 1 - trade.bars)
    end = min(len(labels) - 1, start + trade.of_bars)
    entry = {"xAxis": labels[start], "yAxis": trade.entry}
    return [
        [
            {**entry, "itemStyle": {"color": colour, "opacity": 0.13}},
            {"xAxis": labels[end], "yAxis": goal},
        ]
        for goal, colour in ((trade.target, palette.long), (trade.stop, palette.short))
    ]


def _levels(data: ChartData, palette: Palette) -> Options:
    """The price of now, and the target and the stop of the open call."""
    decimals, trade = _decimals(data), data.trade
    made: list[tuple[float, str, Options]] = []
    if data.price is not None:
        box = {"backgroundColor": palette.text, "padding": [3, 5], "borderRadius": 2}
        look = {"color": palette.bg, "fontSize": 11, "lineHeight": 12, "position": "end"}
        label = {"formatter": formats.number(data.price, decimals), **look, **box}
        made.append((data.price, "solid", label))
    if trade is not None and data.candles:
        for name, goal in (("Target", trade.target), ("Stop", trade.stop)):
            end = "Bottom" if goal < trade.entry < trade.stop else "Top"
            shown = f"{name} {formats.number(goal, decimals)}"
            text = {"formatter": shown, "position": f"insideEnd{end}", "color": palette.text}
            made.append((goal, "dashed", text))
    lines = [
        {
            "yAxis": at,
            "lineStyle": {"type": dash, "color": palette.text, "width": 1},
            "label": label,
        }
        for at, dash, label in made
    ]
    return {"silent": True, "symbol": "none", "animation": False, "data": lines}


def _ribbon(data: ChartData, at: dict[int, int], bars: int, palette: Palette) -> list[Options]:
    """Calibrated P(long) upward and P(short) downward; a rule has no probability to draw."""
    longs: list[float | None] = [None] * bars
    shorts: list[float | None] = [None] * bars
    for logged in data.lines:
        signal = logged.stored.signal
        index = at.get(signal.candle_open_ms)
        if index is not None and calibrated(signal):
            longs[index] = round(signal.probabilities.long, 4)
            shorts[index] = -round(signal.probabilities.short, 4)
    return [
        line(name, values, colour, 1.3, grid=2, areaStyle={"opacity": 0.22, "color": colour})
        for name, values, colour in (
            ("P(long)", longs, palette.long),
            ("−P(short)", shorts, palette.short),
        )
    ]
