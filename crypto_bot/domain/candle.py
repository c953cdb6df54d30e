"""Candles and the validation of a series of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from math import isfinite
from typing import NamedTuple

from crypto_bot.domain.errors import BadCandles
from crypto_bot.domain.timeframe import Timeframe


class Candle(NamedTuple):
    """One closed candle. `open_ms` is its open time (UTC ms); `volume` in the base currency."""

    open_ms: int
    open: float
    high: float
    low: float
    close: float
    volume: float


Inside = Callable[[str, Candle], Sequence[Candle]]
"""The shorter candles that a coin's candle is made of: all, or none where any is not known."""


def nothing_inside(symbol: str, candle: Candle) -> Sequence[Candle]:  # noqa: ARG001 - as `Inside`
    """What is known of the inside of a candle while the market runs."""
    return ()


class Trading(NamedTuple):
    """How a candle's volume was traded, where the exchange says so.

    `volume` and `taker_volume`, which takers bought, in the base currency; `quote_volume` in the
    quote currency; the number of `trades`.
    """

    volume: float
    quote_volume: float
    trades: int
    taker_volume: float

    @property
    def is_sound(self) -> bool:
        """Whether it can be true."""
        numbers = all(map(isfinite, self)) and min(self) >= 0.0
        return numbers and self.taker_volume <= self.volume


class TradedCandle(Candle):
    """A candle with how it was traded, known as its close is; equal to the candle without it."""

    trading: Trading

    @classmethod
    def of(cls, candle: Candle, trading: Trading) -> TradedCandle:
        """`candle` with `trading`."""
        made = cls(*candle)
        made.trading = trading
        return made


class CandleFault(NamedTuple):
    """A fault in one row of a series; `row` counts from 0."""

    kind: str
    row: int


def faults(candles: Iterable[Candle], timeframe: Timeframe) -> list[CandleFault]:
    """All faults of `candles`, in row order. Gaps are not faults.

    Kinds: `not_finite`, `not_positive`, `negative_volume`, `high_low` (a price outside low..high),
    `off_grid`, `duplicate`, `disordered`.
    """
    found: list[CandleFault] = []
    seen: set[int] = set()
    newest: int | None = None
    for row, candle in enumerate(candles):
        found.extend(CandleFault(kind, row) for kind in _value_faults(candle))
        if not timeframe.on_grid(candle.open_ms):
            found.append(CandleFault("off_grid", row))
        if candle.open_ms in seen:
            found.append(CandleFault("duplicate", row))
        elif newest is not None and candle.open_ms < newest:
            found.append(CandleFault("disordered", row))
        seen.add(candle.open_ms)
        newest = candle.open_ms if newest is None else max(newest, candle.open_ms)
    return found


def _value_faults(candle: Candle) -> list[str]:
    _, opened, high, low, close, volume = candle
    if not all(map(isfinite, (opened, high, low, close, volume))):
        return ["not_finite"]
    kinds = []
    if min(opened, high, low, close) <= 0.0:
        kinds.append("not_positive")
    if volume < 0.0:
        kinds.append("negative_volume")
    if not low <= min(opened, close) <= max(opened, close) <= high:
        kinds.append("high_low")
    return kinds


def require_sound(candles: Sequence[Candle], timeframe: Timeframe, origin: str) -> None:
    """Raises BadCandles, naming `origin`, each kind of fault with its count, and the first row."""
    found = faults(candles, timeframe)
    if not found:
        return
    counts = Counter(fault.kind for fault in found)
    listed = ", ".join(f"{count} x {kind}" for kind, count in sorted(counts.items()))
    raise BadCandles(f"{origin}: {listed}; first at row {found[0].row}: {candles[found[0].row]}")


def missing_opens(
    opens: Iterable[int], since_ms: int, until_ms: int, timeframe: Timeframe
) -> list[int]:
    """Grid times in `[since_ms, until_ms]` that are not among `opens`, ascending."""
    present = set(opens)
    return [at for at in range(since_ms, until_ms + 1, timeframe.ms) if at not in present]
