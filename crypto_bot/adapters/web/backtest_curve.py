"""The curves of an account in the report of a backtest."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC
from itertools import accumulate
from typing import NamedTuple

from crypto_bot.adapters.web.page import formats
from crypto_bot.domain.paper_report import EquityPoint

_WIDTH, _HEIGHT, _FALL = 1000.0, 240.0, 90.0


class Curve(NamedTuple):
    """Polylines of a chart in its own units: equity and its fall below the peak, both also held."""

    equity: str
    hold: str
    fall: str
    hold_fall: str
    high: str
    low: str
    deepest: str
    hold_deepest: str
    first: str
    last: str
    times: tuple[int, int]


def curve_of(points: Sequence[EquityPoint], deepest: float) -> Curve:
    """Of `points`, one or more; `deepest` is the greatest drawdown between them too."""
    first_ms, last_ms = points[0].at_ms, max(points[-1].at_ms, points[0].at_ms + 1)
    equity, hold = ([float(each[place]) for each in points] for place in (1, 2))
    low, high = min([*equity, *hold]), max([*equity, *hold])
    falls, held = _falls(equity), _falls(hold)
    deepest, hold_deepest = max([deepest, *falls]), max(held)
    worst = max(deepest, hold_deepest) or 1.0

    def line(values: Sequence[float], y: Callable[[float], float]) -> str:
        xs = ((each.at_ms - first_ms) / (last_ms - first_ms) * _WIDTH for each in points)
        return " ".join(f"{x:.1f},{y(value):.1f}" for x, value in zip(xs, values, strict=True))

    def level(value: float) -> float:
        return (high - value) / ((high - low) or 1.0) * _HEIGHT

    def fell(fall: float) -> float:
        return fall / worst * _FALL

    return Curve(
        *(line(equity, level), line(hold, level), line(falls, fell), line(held, fell)),
        *(formats.number(high), formats.number(low), _below(deepest), _below(hold_deepest)),
        *(formats.day(first_ms, UTC), formats.day(last_ms, UTC)),
        times=(first_ms, last_ms),
    )


def _below(fall: float) -> str:
    return formats.signed(-100 * fall, 1, "%")


def _falls(values: Sequence[float]) -> list[float]:
    return [1.0 - each / peak for each, peak in zip(values, accumulate(values, max), strict=True)]
