"""Log loss against the baseline over time, with its band."""

from __future__ import annotations

from collections.abc import Sequence

from crypto_bot.adapters.web.page import formats
from crypto_bot.adapters.web.page.axes import (
    SIGNED_PERCENT,
    Options,
    axis,
    canvas,
    level,
    line,
    times,
)
from crypto_bot.adapters.web.page.palette import Palette
from crypto_bot.statistics.loss_curve import LossPoint


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
        useUTC=utc,
        grid={"left": 52, "right": 66, "top": 12, "bottom": 30},
        xAxis=times(palette),
        yAxis=axis(palette, axisLabel={":formatter": SIGNED_PERCENT}),
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
