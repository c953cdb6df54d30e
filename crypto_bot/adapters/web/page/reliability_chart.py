"""The reliability diagram: predicted against observed, for each side, over how often."""

from __future__ import annotations

from math import ceil, floor

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
from crypto_bot.statistics.reliability import Bin, Reliability

_APART = 0.004
"""Short is drawn so far to the right of its place, so that lines do not hide each other."""
_STEP = 0.05


def reliability_options(palette: Palette, long: Reliability, short: Reliability) -> Options:
    """Triangles at (predicted, observed) with Wilson's intervals; below, calls by bin."""
    low, high = _reach([*long.bins, *short.bins])
    scale: Options = {"min": low, "max": high}
    fine = {"formatter": "{value}"}
    diagonal = [[low, low], [high, high]]
    return canvas(
        palette,
        f"Reliability. Long: {calibration_words(long)}. Short: {calibration_words(short)}.",
        tooltip={"show": False},
        grid=[
            {"left": 48, "right": 14, "top": 10, "bottom": 118},
            {"left": 48, "right": 14, "height": 56, "bottom": 42},
        ],
        xAxis=[
            axis(palette, gridIndex=0, **scale, axisLabel={"show": False}),
            axis(
                palette,
                gridIndex=1,
                **scale,
                **middle("predicted probability", 24),
                axisLabel=fine,
            ),
        ],
        yAxis=[
            axis(
                palette,
                gridIndex=0,
                **scale,
                **middle("observed", 34),
                axisLabel=fine,
            ),
            axis(palette, gridIndex=1, splitNumber=2, axisLabel={":formatter": GROUPED}),
        ],
        series=[
            line("as often as predicted", diagonal, palette.muted, 1, dash="dashed", silent=True),
            _dots(long.bins, palette.long, 0, 0.0),
            _dots(short.bins, palette.short, 180, _APART),
            _counts("long calls", long.bins, palette.long),
            _counts("short calls", short.bins, palette.short),
        ],
    )


def calibration_words(found: Reliability) -> str:
    """`error .034, noise floor .011 (too confident)`."""
    if found.leaning is None:
        return f"n {formats.number(found.n)}, too few to say"
    return f"error {_short(found.error)}, noise floor {_short(found.floor)} ({found.leaning})"


def _short(share: float) -> str:
    return formats.number(share, 3).removeprefix("0")


def _reach(bins: list[Bin]) -> tuple[float, float]:
    """The scale of both axes: all that is drawn, to the next twentieth."""
    if not bins:
        return 0.0, 1.0
    low = min(min(each.predicted, each.observed.low) for each in bins)
    high = max(max(each.predicted + _APART, each.observed.high) for each in bins)
    return round(floor(low / _STEP) * _STEP, 2), round(ceil(high / _STEP) * _STEP, 2)


def _dots(bins: tuple[Bin, ...], colour: str, turned: int, apart: float) -> Options:
    at = [(each, round(each.predicted + apart, 5)) for each in bins]
    return dots(
        "long" if turned == 0 else "short",
        [[x, round(each.observed.value, 5)] for each, x in at],
        9,
        symbol="triangle",
        symbolRotate=turned,
        itemStyle={"color": colour},
        markLine=segments(
            [(x, round(each.observed.low, 5), round(each.observed.high, 5)) for each, x in at],
            colour,
        ),
    )


def _counts(name: str, bins: tuple[Bin, ...], colour: str) -> Options:
    data = [[round(each.predicted, 5), each.n] for each in bins]
    return bars(name, data, colour, barWidth=5, barGap="20%", itemStyle={"opacity": 0.75})
