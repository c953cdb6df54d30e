"""What is marked on the candles of a coin: where calls were made and where their trades ended."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from crypto_bot.adapters.web.page.axes import Options, dots, level
from crypto_bot.adapters.web.page.palette import Palette
from crypto_bot.adapters.web.page.trade import OpenTrade
from crypto_bot.domain.candle import Candle
from crypto_bot.domain.outcome import Outcome, Status
from crypto_bot.domain.signal import Pred, Signal
from crypto_bot.domain.timeframe import Timeframe
from crypto_bot.ports import LoggedSignal

_MOST_ENDINGS = 12


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
    for pred, colour, turned in ((Pred.LONG, palette.long, 0), (Pred.SHORT, palette.short, 180)):
        called = sorted(each.candle_open_ms for each in firsts if each.pred is pred)
        under = [candles[open_ms] for open_ms in called if open_ms in candles]
        points = [
            [at[each.open_ms], each.high + away if turned else each.low - away] for each in under
        ]
        look = {"symbol": "triangle", "symbolRotate": turned, "itemStyle": {"color": colour}}
        made.append(_marks(f"{pred.value.lower()} call", points, 11, z=5, **look))
    return made


def _marks(name: str, data: Sequence[Any], size: float, **more: Any) -> Options:
    return dots(name, data, size, tooltip={"show": False}, **more)


def _first_calls(data: ChartData) -> list[LoggedSignal]:
    """Each LONG or SHORT that does not repeat the call of the candle before, the newest first."""
    signals = [line.stored.signal for line in data.lines]
    called = {signal.candle_open_ms: signal.pred for signal in signals}
    return [
        line
        for line, signal in zip(data.lines, signals, strict=True)
        if signal.pred is not Pred.NO_TRADE
        and called.get(signal.candle_open_ms - data.timeframe.ms) is not signal.pred
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
        end = [at[found], outcome.exit_price]
        inside = "transparent" if outcome.status is Status.EXPIRED else palette.text
        style = {"color": inside, "borderColor": palette.text, "borderWidth": 2}
        symbol = _CROSS if outcome.status is Status.SL else "circle"
        points.append({"value": end, "symbol": symbol, "itemStyle": style})
        ways.append([{"coord": [at[signal.candle_open_ms], signal.levels.entry]}, {"coord": end}])
    way = level(ways, palette.muted, {"show": False}, "dotted")
    return _marks("outcome", points, 8, z=6, markLine=way)


_CROSS = "path://M0 0L10 10M10 0L0 10"


def reach(data: ChartData, bars: int) -> Options:
    """Nothing to see: it makes the price axis reach to the stop and the target."""
    trade = data.trade
    points = [] if trade is None else [[bars - 1, trade.stop], [bars - 1, trade.target]]
    return _marks("levels", points, 0)


def _exit_at(signal: Signal, outcome: Outcome, data: ChartData) -> int:
    """The candle that ended the trade: a model's call is settled later, with its horizon."""
    settled = outcome.settled_ms - data.timeframe.ms
    if signal.label is None or outcome.status is Status.EXPIRED:
        return settled
    for candle in data.candles:
        is_within = signal.candle_open_ms < candle.open_ms <= settled
        if is_within and candle.low <= outcome.exit_price <= candle.high:
            return candle.open_ms
    return settled
