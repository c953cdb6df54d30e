"""Charts of the performance view: reliability, log loss against the baseline, hit rates."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil, floor, isfinite

from crypto_bot.adapters.web.page import formats
from crypto_bot.adapters.web.page.axes import (
    GROUPED,
    SIGNED_PERCENT,
    Grid,
    Options,
    bars,
    canvas,
    dots,
    level,
    line,
    middle,
    segments,
    times,
)
from crypto_bot.adapters.web.page.palette import Palette
from crypto_bot.statistics.breakdown import Line
from crypto_bot.statistics.loss_curve import LossPoint
from crypto_bot.statistics.reliability import Bin, Reliability

_APART = 0.004
"""Short is drawn so far to the right of its place, so that lines do not hide each other."""
_STEP = 0.05


def reliability_options(palette: Palette, long: Reliability, short: Reliability) -> Options:
    """Triangles at (predicted, observed) with Wilson's intervals; below, calls by bin."""
    low, high = _range([*long.bins, *short.bins])
    scale: Options = {"min": low, "max": high, "axisLabel": {"formatter": "{value}"}}
    diagonal = [[low, low], [high, high]]
    return canvas(
        palette,
        f"Reliability. Long: {calibration_words(long)}. Short: {calibration_words(short)}.",
        Grid(
            {"left": 48, "right": 14, "top": 10, "bottom": 118},
            {**scale, "axisLabel": {"show": False}},
            {**scale, **middle("observed", 34)},
        ),
        Grid(
            {"left": 48, "right": 14, "height": 56, "bottom": 42},
            {**scale, **middle("predicted probability", 24)},
            {"splitNumber": 2, "axisLabel": {":formatter": GROUPED}},
        ),
        tooltip={"show": False},
        series=[
            line("as often as predicted", diagonal, palette.muted, 1, dash="dashed", silent=True),
            _bin_dots(long.bins, palette.long, 0, 0.0),
            _bin_dots(short.bins, palette.short, 180, _APART),
            _bin_counts("long calls", long.bins, palette.long),
            _bin_counts("short calls", short.bins, palette.short),
        ],
    )


def calibration_words(found: Reliability) -> str:
    """`error .034, noise floor .011 (too confident)`."""
    if found.leaning is None:
        return f"n {formats.number(found.n)}, too few to say"
    return f"error {_share(found.error)}, noise floor {_share(found.floor)} ({found.leaning})"


def _share(share: float) -> str:
    return formats.number(share, 3).removeprefix("0")


def _range(bins: list[Bin]) -> tuple[float, float]:
    """The scale of both axes: all that is drawn, to the next twentieth."""
    if not bins:
        return 0.0, 1.0
    low = min(min(each.predicted, each.observed.low) for each in bins)
    high = max(max(each.predicted + _APART, each.observed.high) for each in bins)
    return round(floor(low / _STEP) * _STEP, 2), round(ceil(high / _STEP) * _STEP, 2)


def _bin_dots(bins: tuple[Bin, ...], colour: str, turned: int, apart: float) -> Options:
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


def _bin_counts(name: str, bins: tuple[Bin, ...], colour: str) -> Options:
    data = [[round(each.predicted, 5), each.n] for each in bins]
    return bars(name, data, colour, barWidth=5, barGap="20%", itemStyle={"opacity": 0.75})


def loss_options(palette: Palette, points: Sequence[LossPoint], *, utc: bool) -> Options:
    """The difference in percent of the baseline's loss; the zero line is the baseline."""
    percent = [(point.day_ms, point.difference.scaled(100.0)) for point in points]
    drawn = [[at, round(each.value, 3)] for at, each in percent]
    known = [(at, each) for at, each in percent if each.is_bounded]
    lower = [[at, round(each.low, 3)] for at, each in known]
    height = [[at, round(each.high - each.low, 3)] for at, each in known]
    last = formats.signed(drawn[-1][1], 1, "%") if drawn else ""
    label = {"formatter": "baseline", "color": palette.muted}
    return canvas(
        palette,
        f"Log loss against the baseline, 7 days rolling; last {last or 'unknown'}; below 0 is "
        "better.",
        Grid(
            {"left": 52, "right": 66, "top": 12, "bottom": 30},
            times(),
            {"axisLabel": {":formatter": SIGNED_PERCENT}},
        ),
        useUTC=utc,
        series=[
            _band("lower end", lower, palette, opacity=0.0),
            _band("band", height, palette, opacity=0.5),
            line(
                "difference to the baseline",
                drawn,
                palette.text,
                2,
                tooltip={":valueFormatter": SIGNED_PERCENT},
                endLabel={"show": bool(drawn), "formatter": last, "color": palette.text, **_BOLD},
                markLine=level([{"yAxis": 0}], palette.text, label),
            ),
        ],
    )


_BOLD = {"fontWeight": 600, "fontSize": 12}


def _band(name: str, data: list[list[float]], palette: Palette, opacity: float) -> Options:
    """The lower of two stacked lines is not seen; the area of the upper is the band."""
    unseen = {"color": palette.none, "opacity": 0}
    made = line(name, data, palette.none, stack="band", stackStrategy="all", silent=True)
    made |= {"lineStyle": unseen, "itemStyle": unseen, "tooltip": {"show": False}}
    return {**made, "areaStyle": {"color": palette.none, "opacity": opacity}}


def groups_options(
    palette: Palette, lines: Sequence[Line], unit: str, break_even: float
) -> Options:
    """A dot and a 95 % interval for each of `lines`; below, how many calls. Few calls: no dot."""
    names = [line.name for line in lines]
    sure = [each for each in lines if each.rate.is_estimated]
    few = [each for each in lines if each.rate.is_bounded and not each.rate.is_estimated]
    middles = [[name, round((low + high) / 2, 2)] for name, low, high in _bounds(few)]
    limit = [[name, _percent(break_even)] for name in names] if isfinite(break_even) else []
    return canvas(
        palette,
        f"Hit rate by {unit}: {_words(lines)}",
        Grid(
            {"left": 44, "right": 14, "top": 10, "bottom": 92},
            {"type": "category", "data": names, "axisLabel": {"show": False}},
            {"scale": True, "axisLabel": {"formatter": "{value}%"}},
        ),
        Grid(
            {"left": 44, "right": 14, "height": 36, "bottom": 40},
            {"type": "category", "data": names, **middle(unit, 24)},
            {"splitNumber": 1, "axisLabel": {":formatter": GROUPED}},
        ),
        tooltip={"show": False},
        series=[
            dots(
                "hit rate",
                [[each.name, _percent(each.rate.value)] for each in sure],
                7,
                symbol="circle",
                itemStyle={"color": palette.text},
                markLine=segments(_bounds(sure), palette.text),
            ),
            # A scale fits what is a point: the ends of the lines are points that nobody sees.
            dots(
                "ends", [[name, end] for name, *ends in _bounds([*sure, *few]) for end in ends], 0
            ),
            dots("fewer than 30 calls", middles, 0, markLine=segments(_bounds(few), palette.none)),
            line("break-even", limit, palette.muted, 1, dash="dashed", silent=True),
            bars("calls", [each.n for each in lines], palette.none, barWidth="55%"),
        ],
    )


def _percent(share: float) -> float:
    return round(100 * share, 2)


def _bounds(lines: Sequence[Line]) -> list[tuple[str, float, float]]:
    return [(line.name, _percent(line.rate.low), _percent(line.rate.high)) for line in lines]


def _words(lines: Sequence[Line]) -> str:
    words = [f"{line.name} {formats.rate(line.rate.value, line.n)}" for line in lines if line.n]
    return ", ".join(words) or "no calls"
