"""Hit rates of groups that have an order, such as hours: intervals beside the break-even."""

from __future__ import annotations

from collections.abc import Sequence

from crypto_bot.adapters.web.page import formats
from crypto_bot.adapters.web.page.axes import GROUPED, Options, axis, canvas, segments
from crypto_bot.adapters.web.page.palette import Palette
from crypto_bot.services.breakdown import Line


def groups_options(
    palette: Palette, lines: Sequence[Line], unit: str, break_even: float | None
) -> Options:
    """A dot and a 95 % interval for each of `lines`; below, how many calls. Few calls: no dot."""
    names = [line.name for line in lines]
    told = [
        (line.name, line.interval, None if line.rate is None else round(100 * line.rate, 2))
        for line in lines
        if line.interval is not None
    ]
    known = [each for each in told if each[2] is not None]
    unsure = [each for each in told if each[2] is None]
    limit = None if break_even is None else round(100 * break_even, 2)
    return canvas(
        palette,
        f"Hit rate by {unit}: {_words(lines)}",
        tooltip={"show": False},
        grid=[
            {"left": 44, "right": 14, "top": 10, "bottom": 92},
            {"left": 44, "right": 14, "height": 36, "bottom": 40},
        ],
        xAxis=[
            axis(palette, "category", gridIndex=0, data=names, axisLabel={"show": False}),
            axis(
                palette,
                "category",
                gridIndex=1,
                data=names,
                name=unit,
                nameLocation="middle",
                nameGap=24,
            ),
        ],
        yAxis=[
            axis(
                palette,
                gridIndex=0,
                scale=True,
                axisLabel={"formatter": "{value}%"},
            ),
            axis(palette, gridIndex=1, splitNumber=1, axisLabel={":formatter": GROUPED}),
        ],
        series=[
            {
                "name": "hit rate",
                "type": "scatter",
                "symbol": "circle",
                "symbolSize": 7,
                "silent": True,
                "itemStyle": {"color": palette.text},
                "data": [[name, rate] for name, _, rate in known],
                "markLine": segments(
                    [(n, round(100 * i.low, 2), round(100 * i.high, 2)) for n, i, _ in known],
                    palette.text,
                ),
            },
            # A scale fits what is a point: the ends of the lines are points that nobody sees.
            _unseen("ends", [[n, round(100 * end, 2)] for n, i, _ in told for end in i]),
            {
                "name": "fewer than 30 calls",
                "type": "scatter",
                "symbolSize": 0,
                "silent": True,
                "data": [[n, round(50 * (i.low + i.high), 2)] for n, i, _ in unsure],
                "markLine": segments(
                    [(n, round(100 * i.low, 2), round(100 * i.high, 2)) for n, i, _ in unsure],
                    palette.none,
                ),
            },
            _break_even(palette, names, limit),
            {
                "name": "calls",
                "type": "bar",
                "xAxisIndex": 1,
                "yAxisIndex": 1,
                "silent": True,
                "itemStyle": {"color": palette.none},
                "barWidth": "55%",
                "data": [line.n for line in lines],
            },
        ],
    )


def _unseen(name: str, data: list[list[str | float]]) -> Options:
    return {"name": name, "type": "scatter", "symbolSize": 0, "silent": True, "data": data}


def _break_even(palette: Palette, names: Sequence[str], limit: float | None) -> Options:
    return {
        "name": "break-even",
        "type": "line",
        "symbol": "none",
        "silent": True,
        "lineStyle": {"color": palette.muted, "type": "dashed", "width": 1},
        "data": [] if limit is None else [[name, limit] for name in names],
    }


def _words(lines: Sequence[Line]) -> str:
    told = [f"{line.name} {formats.rate(line.rate, line.n)}" for line in lines if line.n]
    return ", ".join(told) or "no calls"
