"""Log loss against the baseline over time, with its band."""

from __future__ import annotations

from collections.abc import Sequence

from crypto_bot.adapters.web.page import formats
from crypto_bot.adapters.web.page.axes import SIGNED_PERCENT, Options, axis, canvas, times
from crypto_bot.adapters.web.page.palette import Palette
from crypto_bot.statistics.loss_curve import LossPoint


def loss_options(palette: Palette, points: Sequence[LossPoint], *, utc: bool) -> Options:
    """The difference in percent of the baseline's loss; the zero line is the baseline."""
    percent = [(point.day_ms, point.difference.scaled(100.0)) for point in points]
    line = [[at, round(each.value, 3)] for at, each in percent]
    known = [(at, each) for at, each in percent if each.is_bounded]
    lower = [[at, round(each.low, 3)] for at, each in known]
    height = [[at, round(each.high - each.low, 3)] for at, each in known]
    last = formats.signed(line[-1][1], 1, "%") if line else ""
    return canvas(
        palette,
        f"Log loss against the baseline, 7 days rolling; last {last or 'unknown'}; below 0 is "
        "better.",
        useUTC=utc,
        grid={"left": 52, "right": 66, "top": 12, "bottom": 30},
        xAxis=times(palette),
        yAxis=axis(palette, axisLabel={":formatter": SIGNED_PERCENT}),
        series=[
            _band("lower end", lower, palette, opacity=0.0),
            _band("band", height, palette, opacity=0.5),
            {
                "name": "difference to the baseline",
                "type": "line",
                "symbol": "none",
                "data": line,
                "lineStyle": {"color": palette.text, "width": 2},
                "itemStyle": {"color": palette.text},
                "tooltip": {":valueFormatter": SIGNED_PERCENT},
                "endLabel": {
                    "show": bool(line),
                    "formatter": last,
                    "color": palette.text,
                    "fontWeight": 600,
                    "fontSize": 12,
                },
                "markLine": {
                    "silent": True,
                    "symbol": "none",
                    "lineStyle": {"color": palette.text, "type": "dashed", "width": 1},
                    "label": {"formatter": "baseline", "color": palette.muted},
                    "data": [{"yAxis": 0}],
                },
            },
        ],
    )


def _band(name: str, data: list[list[float]], palette: Palette, opacity: float) -> Options:
    """The lower of two stacked lines is not seen; the area of the upper is the band."""
    return {
        "name": name,
        "type": "line",
        "stack": "band",
        "stackStrategy": "all",
        "symbol": "none",
        "silent": True,
        "tooltip": {"show": False},
        "data": data,
        "lineStyle": {"color": palette.none, "opacity": 0},
        "itemStyle": {"color": palette.none, "opacity": 0},
        "areaStyle": {"color": palette.none, "opacity": opacity},
    }
