"""Charts of the paper view: a calendar of daily results, results in R, excursions."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from math import nan

from crypto_bot.adapters.web.page import formats
from crypto_bot.adapters.web.page.axes import (
    GROUPED,
    Grid,
    Options,
    bars,
    canvas,
    dots,
    legend,
    middle,
)
from crypto_bot.adapters.web.page.palette import Palette
from crypto_bot.domain.paper_report import DayResult, Excursion, MoneyParts


def calendar_options(palette: Palette, days: Sequence[DayResult]) -> Options:
    """A square a day, a column a week, twelve months; darker is further from 0."""
    last_ms = days[-1].day_ms if days else 0
    first_ms = _first_day(last_ms)
    shown = [day for day in days if day.day_ms >= first_ms]
    data = [[_date(day.day_ms), round(float(day.change), 2)] for day in shown]
    most = max((abs(float(day.change)) for day in shown), default=0.0) or 1.0
    text = {"color": palette.muted, "fontSize": 11}
    return canvas(
        palette,
        f"Result of each of {len(data)} days, by UTC; the same by month in the table.",
        tooltip={"formatter": "{c}", "confine": True},
        calendar={
            "range": [_date(first_ms), _date(last_ms)],
            "top": 22,
            "left": 34,
            "right": 8,
            "cellSize": ["auto", 13],
            "itemStyle": {"color": palette.panel, "borderColor": palette.line},
            "splitLine": {"lineStyle": {"color": palette.muted}},
            "dayLabel": {**text, "firstDay": 1, "nameMap": "en"},
            "monthLabel": {**text, "nameMap": "en"},
            "yearLabel": {"show": False},
        },
        visualMap={
            "show": False,
            "min": -most,
            "max": most,
            "inRange": {"color": [palette.short, palette.raised, palette.long]},
        },
        series=[{"type": "heatmap", "coordinateSystem": "calendar", "data": data}],
    )


def _first_day(last_ms: int) -> int:
    """That of the twelve months that end in the one of `last_ms`."""
    last = datetime.fromtimestamp(last_ms / 1000, UTC)
    earlier = last.year - (last.month < 12)
    first = datetime(earlier, last.month % 12 + 1, 1, tzinfo=UTC)
    return round(first.timestamp() * 1000)


def results_options(palette: Palette, parts: MoneyParts) -> Options:
    """How many trades ended at how many R, losses and gains in their colours."""
    width = parts.r_counts[1][0] - parts.r_counts[0][0] if parts.r_counts else 1.0
    last = len(parts.r_counts) - 1
    data = [
        {"value": count, "itemStyle": {"color": palette.short if low < 0.0 else palette.long}}
        for low, count in parts.r_counts
    ]
    names = [
        f"{'≤ ' if at == 0 else ''}{'≥ ' if at == last else ''}"
        f"{formats.signed(low + (width if at == 0 else 0.0), 1)}"
        for at, (low, _) in enumerate(parts.r_counts)
    ]
    total = sum(count for _, count in parts.r_counts)
    return canvas(
        palette,
        f"Results of {formats.number(total)} trades in R, after costs.",
        Grid(
            {"left": 48, "right": 12, "top": 16, "bottom": 40},
            {"type": "category", "data": names, **middle("R after costs, lower end", 26)},
            {"minInterval": 1, "axisLabel": {":formatter": GROUPED}},
        ),
        series=[bars("trades", data, palette.long, xAxisIndex=0, yAxisIndex=0, barWidth="90%")],
    )


def excursion_options(palette: Palette, excursions: Sequence[Excursion]) -> Options:
    """Worst price (x) and best price (y) on the way of each trade, basis points of the entry."""

    def placed(*, gained: bool) -> list[list[float]]:
        return [
            [round(each.worst_bps, 1), round(each.best_bps, 1)]
            for each in excursions
            if (each.result_bps > 0.0) is gained
        ]

    names = ["gained", "lost"]
    return canvas(
        palette,
        f"Best and worst price of {len(excursions)} trades: {excursion_words(excursions)}",
        Grid(
            {"left": 56, "right": 16, "top": 30, "bottom": 40},
            {"scale": True, **middle("worst, bp", 26)},
            {"scale": True, **middle("best, bp", 40)},
        ),
        legend=legend(palette, names, right=14, top=0),
        series=[
            dots("gained", placed(gained=True), 6, symbol="triangle", itemStyle=_of(palette.long)),
            dots("lost", placed(gained=False), 6, itemStyle=_of(palette.short)),
        ],
    )


def excursion_words(excursions: Sequence[Excursion]) -> str:
    """The medians in a sentence."""
    gained = _median([each.worst_bps for each in excursions if each.result_bps > 0.0])
    lost = _median([each.best_bps for each in excursions if each.result_bps <= 0.0])
    return (
        f"half of those that gained were {formats.signed(gained, 0, ' bp')} or worse on the way, "
        f"half of those that lost {formats.signed(lost, 0, ' bp')} or better."
    )


def _median(values: Sequence[float]) -> float:
    ranked = sorted(values)
    return ranked[len(ranked) // 2] if ranked else nan


def _of(colour: str) -> Options:
    return {"color": colour}


def _date(day_ms: int) -> str:
    return datetime.fromtimestamp(day_ms / 1000, UTC).date().isoformat()
