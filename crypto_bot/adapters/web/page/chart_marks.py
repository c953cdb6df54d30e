"""What is marked on the candles of a coin: where calls were made and where their trades ended."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from crypto_bot.adapters.web.page.palette import Palette
from crypto_bot.adapters.web.page.trade import OpenTrade
from crypto_bot.domain.candle import Candle
from crypto_bot.domain.outcome import Outcome, Status
from crypto_bot.domain.signal import Pred, Signal
from crypto_bot.domain.timeframe import Timeframe
from crypto_bot.ports import LoggedSignal

_MOST_ENDINGS = 12
Options = dict[str, Any]


class ChartData(NamedTuple):
    """What is drawn: candles ascending, lines of the log the newest first."""

    candles: Sequence[Candle]
    lines: Sequence[LoggedSignal]
    timeframe: Timeframe
    signal: Signal | None
    """The open call, where there is one."""
    trade: OpenTrade | None
    price: float | None


def calls(data: ChartData, at: dict[int, int], palette: Palette) -> list[Options]:
    """Arrows where a side was called first; a call that repeats the one before it has none."""
    candles = {candle.open_ms: candle for candle in data.candles}
    firsts = [line.stored.signal for line in _first_calls(data)]
    low = min((candle.low for candle in data.candles), default=0.0)
    high = max((candle.high for candle in data.candles), default=0.0)
    away = 0.025 * (high - low)
    made = []
    for pred, colour in ((Pred.LONG, palette.long), (Pred.SHORT, palette.short)):
        is_long = pred is Pred.LONG
        points = [
            [at[open_ms], candles[open_ms].low - away if is_long else candles[open_ms].high + away]
            for open_ms in sorted(each.candle_open_ms for each in firsts if each.pred is pred)
            if open_ms in candles
        ]
        made.append(
            {
                "type": "scatter",
                "name": f"{pred.value.lower()} call",
                "symbol": "triangle",
                "symbolRotate": 0 if is_long else 180,
                "symbolSize": 11,
                "itemStyle": {"color": colour},
                "data": points,
                "z": 5,
                "tooltip": {"show": False},
            }
        )
    return made


_SHAPES = {Status.SL: "path://M0 0L10 10M10 0L0 10"}


def _first_calls(data: ChartData) -> list[LoggedSignal]:
    """Each LONG or SHORT that does not repeat the call of the candle before, the newest first."""
    called = {line.stored.signal.candle_open_ms: line.stored.signal.pred for line in data.lines}
    return [
        line
        for line in data.lines
        if line.stored.signal.pred is not Pred.NO_TRADE
        and called.get(line.stored.signal.candle_open_ms - data.timeframe.ms)
        is not line.stored.signal.pred
    ]


def endings(data: ChartData, at: dict[int, int], palette: Palette) -> Options:
    """Where the newest trades ended, each with a dotted line from its entry."""
    points: list[Options] = []
    ways: list[list[Options]] = []
    for line in _first_calls(data):
        signal, outcome = line.stored.signal, line.outcome
        if outcome is None or len(points) == _MOST_ENDINGS:
            continue
        found = _exit_at(signal, outcome, data)
        if found not in at or signal.candle_open_ms not in at:
            continue
        price = outcome.exit_price
        points.append(
            {
                "value": [at[found], price],
                "symbol": _SHAPES.get(outcome.status, "circle"),
                "symbolSize": 8,
                "itemStyle": {
                    "color": "transparent" if outcome.status is Status.EXPIRED else palette.text,
                    "borderColor": palette.text,
                    "borderWidth": 2,
                },
            }
        )
        ways.append(
            [
                {"coord": [at[signal.candle_open_ms], signal.levels.entry]},
                {"coord": [at[found], price]},
            ]
        )
    return {
        "type": "scatter",
        "name": "outcome",
        "data": points,
        "z": 6,
        "tooltip": {"show": False},
        "markLine": {
            "silent": True,
            "symbol": "none",
            "lineStyle": {"type": "dotted", "color": palette.muted, "width": 1},
            "label": {"show": False},
            "data": ways,
        },
    }


def reach(data: ChartData, bars: int) -> Options:
    """Nothing to see: it makes the price axis reach to the stop and the target."""
    trade = data.trade
    points = [] if trade is None else [[bars - 1, trade.stop], [bars - 1, trade.target]]
    return {
        "type": "scatter",
        "name": "levels",
        "symbolSize": 0,
        "data": points,
        "silent": True,
        "tooltip": {"show": False},
    }


def _exit_at(signal: Signal, outcome: Outcome, data: ChartData) -> int:
    """The candle that ended the trade: a model's call is settled later, with its horizon."""
    settled = outcome.settled_ms - data.timeframe.ms
    if signal.label is None or outcome.status is Status.EXPIRED:
        return settled
    price = outcome.exit_price
    return next(
        (
            candle.open_ms
            for candle in data.candles
            if signal.candle_open_ms < candle.open_ms <= settled
            and candle.low <= price <= candle.high
        ),
        settled,
    )
