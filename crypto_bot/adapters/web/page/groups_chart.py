"""Hit rates of groups that have an order, such as hours: intervals beside the break-even."""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite

from crypto_bot.adapters.web.page import formats
from crypto_bot.adapters.web.page.axes import (
    GROUPED,
    Options,
    axis,
    bars,
    canvas,
    dots,
    line,
    middle,
    segments,
)
from crypto_bot.adapters.web.page.palette import Palette
from crypto_bot.statistics.breakdown import Line


def groups_options(
    palette: Palette, lines: Sequence[Line], unit: str, break_even: float
) -> Options:
    """A dot and a 95 % interval for each of `lines`; below, how many calls. Few calls: no dot."""
    names = [line.name for line in lines]
    sure = [each for each in lines if each.rate.is_estimated]
    few = [each for each in lines if each.rate.is_bounded and not each.rate.is_estimated]
    middles = [[name, round((low + high) / 2, 2)] for name, low, high in _ends(few)]
    level = [[name, _percent(break_even)] for name in names] if isfinite(break_even) else []
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
            axis(palette, "category", gridIndex=1, data=names, **middle(unit, 24)),
        ],
        yAxis=[
            axis(palette, gridIndex=0, scale=True, axisLabel={"formatter": "{value}%"}),
            axis(palette, gridIndex=1, splitNumber=1, axisLabel={":formatter": GROUPED}),
        ],
        series=[
            dots(
                "hit rate",
                [[each.name, _percent(each.rate.value)] for each in sure],
                7,
                symbol="circle",
                itemStyle={"color": palette.text},
                markLine=segments(_ends(sure), palette.text),
            ),
            # A scale fits what is a point: the ends of the lines are points that nobody sees.
            dots("ends", [[name, end] for name, *ends in _ends([*sure, *few]) for end in ends], 0),
            dots("fewer than 30 calls", middles, 0, markLine=segments(_ends(few), palette.none)),
            line("break-even", level, palette.muted, 1, dash="dashed", silent=True),
            bars("calls", [each.n for each in lines], palette.none, barWidth="55%"),
        ],
    )


def _percent(share: float) -> float:
    return round(100 * share, 2)


def _ends(lines: Sequence[Line]) -> list[tuple[str, float, float]]:
    return [(line.name, _percent(line.rate.low), _percent(line.rate.high)) for line in lines]


def _words(lines: Sequence[Line]) -> str:
    words = [f"{line.name} {formats.rate(line.rate.value, line.n)}" for line in lines if line.n]
    return ", ".join(words) or "no calls"
