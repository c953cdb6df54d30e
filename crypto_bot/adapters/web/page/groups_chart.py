"""Hit rates of groups that have an order, such as hours: intervals beside the break-even."""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite
from typing import NamedTuple

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
    groups = _in_percent(lines)
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
            _rates(palette, [each for each in groups if each.rate is not None]),
            # A scale fits what is a point: the ends of the lines are points that nobody sees.
            dots("ends", [[each.name, end] for each in groups for end in each[2:]], 0),
            _few(palette, [each for each in groups if each.rate is None]),
            _break_even(palette, names, break_even),
            bars("calls", [each.n for each in lines], palette.none, barWidth="55%"),
        ],
    )


class _Group(NamedTuple):
    """A group in percent."""

    name: str
    rate: float | None
    low: float
    high: float


def _in_percent(lines: Sequence[Line]) -> list[_Group]:
    """Those that have an interval."""
    return [
        _Group(
            line.name,
            round(100 * line.rate.value, 2) if line.rate.is_estimated else None,
            *(round(100 * end, 2) for end in line.rate[1:]),
        )
        for line in lines
        if line.rate.is_bounded
    ]


def _rates(palette: Palette, sure: Sequence[_Group]) -> Options:
    return dots(
        "hit rate",
        [[each.name, each.rate] for each in sure],
        7,
        symbol="circle",
        itemStyle={"color": palette.text},
        markLine=segments([(each.name, *each[2:]) for each in sure], palette.text),
    )


def _few(palette: Palette, unsure: Sequence[_Group]) -> Options:
    middles = [[each.name, round((each.low + each.high) / 2, 2)] for each in unsure]
    reach = segments([(each.name, *each[2:]) for each in unsure], palette.none)
    return dots("fewer than 30 calls", middles, 0, markLine=reach)


def _break_even(palette: Palette, names: Sequence[str], share: float) -> Options:
    known = [[name, round(100 * share, 2)] for name in names] if isfinite(share) else []
    return line("break-even", known, palette.muted, 1, dash="dashed", silent=True)


def _words(lines: Sequence[Line]) -> str:
    words = [f"{line.name} {formats.rate(line.rate.value, line.n)}" for line in lines if line.n]
    return ", ".join(words) or "no calls"
