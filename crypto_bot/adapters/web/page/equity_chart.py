"""Equity of a paper account over its drawdown, with buy-and-hold and the trades."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from math import floor

from crypto_bot.adapters.web.page import formats
from crypto_bot.adapters.web.page.axes import GROUPED, SIGNED_PERCENT, Options, axis, canvas, times
from crypto_bot.adapters.web.page.palette import Palette
from crypto_bot.domain.ledger import drawdown
from crypto_bot.domain.paper_report import AccountReport, ClosedTrade, EquityPoint, KillSwitch

_TICK = {"type": "scatter", "symbol": "rect", "symbolSize": [2, 9]}


def equity_options(
    palette: Palette, account: AccountReport, switch: KillSwitch, *, utc: bool
) -> Options:
    """Linear, the start as a dashed line; the time since the kill switch was pressed is shaded."""
    curve = account.curve
    below = drawdowns(curve)
    gains = [_at(trade) for trade in account.closed_trades if trade.net > 0]
    losses = [_at(trade) for trade in account.closed_trades if trade.net <= 0]
    worst = min(below, key=lambda point: point[1], default=None)
    return canvas(
        palette,
        f"Equity of {account.name}: now {formats.number(float(account.equity), 2)}, worst drawdown "
        f"{formats.signed(-100 * account.statistics.max_drawdown, 1, '%')}.",
        useUTC=utc,
        axisPointer={"link": [{"xAxisIndex": "all"}]},
        legend=_legend(palette),
        grid=[
            {"left": 62, "right": 20, "top": 26, "bottom": "38%"},
            {"left": 62, "right": 20, "top": "68%", "bottom": 28},
        ],
        xAxis=[
            times(palette, gridIndex=0) | {"axisLabel": {"show": False}},
            times(palette, gridIndex=1),
        ],
        yAxis=[
            axis(palette, gridIndex=0, scale=True, axisLabel={":formatter": GROUPED}),
            axis(
                palette,
                gridIndex=1,
                min=min(-1, floor(worst[1])) if worst else -1,
                max=0,
                splitNumber=2,
                axisLabel={":formatter": SIGNED_PERCENT},
            ),
        ],
        series=[
            _equity(palette, account, switch),
            _hold(palette, curve),
            _drawdown(palette, below, worst),
            _TICK | _in_drawdown("gains", gains) | {"itemStyle": {"color": palette.long}},
            _TICK | _in_drawdown("losses", losses) | {"itemStyle": {"color": palette.short}},
        ],
    )


def _legend(palette: Palette) -> Options:
    return {
        "data": ["equity", "buy and hold"],
        "right": 14,
        "top": 0,
        "textStyle": {"color": palette.muted},
        "icon": "roundRect",
        "itemWidth": 14,
        "itemHeight": 3,
    }


def drawdowns(curve: Sequence[EquityPoint]) -> list[list[float]]:
    """(time, percent below the highest equity so far), at most 0."""
    peaks = accumulate((point.equity for point in curve), max)
    return [
        [point.at_ms, -round(100 * float(drawdown(point.equity, peak)), 3)]
        for point, peak in zip(curve, peaks, strict=True)
    ]


def _at(trade: ClosedTrade) -> list[float]:
    return [trade.exit_ms, 0.0]


def _equity(palette: Palette, account: AccountReport, switch: KillSwitch) -> Options:
    since = [[{"xAxis": switch.since_ms}, {"xAxis": account.at_ms}]]
    stopped = switch.on and switch.since_ms is not None
    return {
        "name": "equity",
        "type": "line",
        "step": "end",
        "symbol": "none",
        "lineStyle": {"color": palette.text, "width": 2},
        "itemStyle": {"color": palette.text},
        "data": [[point.at_ms, round(float(point.equity), 2)] for point in account.curve],
        "markLine": {
            "silent": True,
            "symbol": "none",
            "lineStyle": {"color": palette.muted, "type": "dashed", "width": 1},
            "label": {"formatter": "start", "position": "insideEndTop", "color": palette.muted},
            "data": [{"yAxis": round(float(account.start), 2)}] if account.curve else [],
        },
        "markArea": {
            "silent": True,
            "itemStyle": {"color": palette.crit, "opacity": 0.12},
            "data": since if stopped else [],
        },
    }


def _hold(palette: Palette, curve: Sequence[EquityPoint]) -> Options:
    return {
        "name": "buy and hold",
        "type": "line",
        "symbol": "none",
        "lineStyle": {"color": palette.muted, "width": 1, "type": "dotted"},
        "itemStyle": {"color": palette.muted},
        "data": [[point.at_ms, round(float(point.buy_and_hold), 2)] for point in curve],
    }


def _drawdown(palette: Palette, below: list[list[float]], worst: list[float] | None) -> Options:
    marks = []
    if worst is not None and worst[1] < 0.0:
        marks = [{"coord": worst, "value": formats.signed(worst[1], 1, "%")}]
    return _in_drawdown("drawdown", below) | {
        "type": "line",
        "step": "end",
        "symbol": "none",
        "lineStyle": {"color": palette.muted, "width": 1},
        "itemStyle": {"color": palette.muted},
        "areaStyle": {"color": palette.none, "opacity": 0.45},
        "tooltip": {":valueFormatter": SIGNED_PERCENT},
        "markPoint": {
            "silent": True,
            "symbol": "circle",
            "symbolSize": 6,
            "itemStyle": {"color": palette.text},
            "label": {"position": "right", "color": palette.text, "formatter": "{c}"},
            "data": marks,
        },
    }


def _in_drawdown(name: str, data: list[list[float]]) -> Options:
    return {"name": name, "xAxisIndex": 1, "yAxisIndex": 1, "data": data}
