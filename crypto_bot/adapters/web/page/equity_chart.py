"""Equity of a paper account over its drawdown, with buy-and-hold and the trades."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from math import floor

from crypto_bot.adapters.web.page import formats
from crypto_bot.adapters.web.page.axes import (
    GROUPED,
    SIGNED_PERCENT,
    Grid,
    Options,
    canvas,
    legend,
    level,
    line,
    point,
    times,
)
from crypto_bot.adapters.web.page.palette import Palette
from crypto_bot.domain.ledger import drawdown
from crypto_bot.domain.paper_report import AccountReport, EquityPoint, KillSwitch


def equity_options(
    palette: Palette, account: AccountReport, switch: KillSwitch, *, utc: bool
) -> Options:
    """Linear, the start as a dashed line; the time since the kill switch was pressed is shaded."""
    curve = account.curve
    below = drawdowns(curve)
    hold = [[each.at_ms, round(float(each.buy_and_hold), 2)] for each in curve]
    gains = [trade.exit_ms for trade in account.closed_trades if trade.net > 0]
    losses = [trade.exit_ms for trade in account.closed_trades if trade.net <= 0]
    worst = min(below, key=lambda point: point[1], default=None)
    return canvas(
        palette,
        f"Equity of {account.name}: now {formats.number(float(account.equity), 2)}, worst drawdown "
        f"{formats.signed(-100 * account.statistics.max_drawdown, 1, '%')}.",
        Grid(
            {"left": 62, "right": 20, "top": 26, "bottom": "38%"},
            times(show=False),
            {"scale": True, "axisLabel": {":formatter": GROUPED}},
        ),
        Grid(
            {"left": 62, "right": 20, "top": "68%", "bottom": 28},
            times(),
            {
                "min": min(-1, floor(worst[1])) if worst else -1,
                "max": 0,
                "splitNumber": 2,
                "axisLabel": {":formatter": SIGNED_PERCENT},
            },
        ),
        useUTC=utc,
        axisPointer={"link": [{"xAxisIndex": "all"}]},
        legend=legend(palette, ["equity", "buy and hold"], right=14, top=0),
        series=[
            _equity(palette, account, switch),
            line("buy and hold", hold, palette.muted, 1, dash="dotted"),
            _drawdown(palette, below, worst, account.statistics.max_drawdown),
            _ticks("gains", gains, palette.long),
            _ticks("losses", losses, palette.short),
        ],
    )


def drawdowns(curve: Sequence[EquityPoint]) -> list[list[float]]:
    """(time, percent below the highest equity so far), at most 0."""
    peaks = accumulate((each.equity for each in curve), max)
    return [
        [each.at_ms, -round(100 * float(drawdown(each.equity, peak)), 3)]
        for each, peak in zip(curve, peaks, strict=True)
    ]


def _equity(palette: Palette, account: AccountReport, switch: KillSwitch) -> Options:
    since = [[{"xAxis": switch.since_ms}, {"xAxis": account.at_ms}]]
    stopped = switch.on and switch.since_ms is not None
    start = [{"yAxis": round(float(account.start), 2)}] if account.curve else []
    label = {"formatter": "start", "position": "insideEndTop", "color": palette.muted}
    shade = {"silent": True, "itemStyle": {"color": palette.crit, "opacity": 0.12}}
    return line(
        "equity",
        [[each.at_ms, round(float(each.equity), 2)] for each in account.curve],
        palette.text,
        2,
        step="end",
        markLine=level(start, palette.muted, label),
        markArea={**shade, "data": since if stopped else []},
    )


def _drawdown(
    palette: Palette, below: list[list[float]], worst: list[float] | None, deepest: float
) -> Options:
    marks = []
    if worst is not None and worst[1] < 0.0:
        marks = [{"coord": worst, "value": formats.signed(-100 * deepest, 1, "%")}]
    return line(
        "drawdown",
        below,
        palette.muted,
        1,
        grid=1,
        step="end",
        areaStyle={"color": palette.none, "opacity": 0.45},
        tooltip={":valueFormatter": SIGNED_PERCENT},
        markPoint=point(marks, palette.text, 6, "top"),
    )


def _ticks(name: str, trades: list[int], colour: str) -> Options:
    """Where trades ended, at the top of the drawdown."""
    data = [[exit_ms, 0.0] for exit_ms in trades]
    return {
        "name": name,
        "type": "scatter",
        "symbol": "rect",
        "symbolSize": [2, 9],
        "itemStyle": {"color": colour},
        "xAxisIndex": 1,
        "yAxisIndex": 1,
        "data": data,
    }
