"""Settling: the outcome of a signal, from the candles after it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import StrEnum
from operator import attrgetter
from typing import NamedTuple

from crypto_bot.domain.candle import Candle
from crypto_bot.domain.label import LabelSpec
from crypto_bot.domain.signal import STOP_ATR, Pred, Signal
from crypto_bot.domain.timeframe import Timeframe


class Status(StrEnum):
    """How a signal ended. A NO_TRADE always ends as EXPIRED."""

    TP1 = "TP1"
    TP2 = "TP2"
    TP3 = "TP3"
    SL = "SL"
    EXPIRED = "EXPIRED"


ClassAfter = Callable[[LabelSpec, float, Sequence[Candle]], str]
"""The class of a close by a label, its ATR (price units) and the candles of the label's horizon."""

_TARGETS = (Status.TP1, Status.TP2, Status.TP3)
_HIGH, _LOW = attrgetter("high"), attrgetter("low")


class Outcome(NamedTuple):
    """The outcome of one signal.

    `settled_ms` is the close of the candle that decided it. `return_bps` is gross and 0 for a
    NO_TRADE. `mfe_bps` and `mae_bps` are the best and worst excursion seen from the side of the
    trade (from the long side for a NO_TRADE), exit candle included. `label` is the class of the
    signal's own label, or a Pred by the triple barrier (+-2 ATR, the signal's horizon) where it has
    none; None where the signal had no ATR. `side` is what that class stands for, None where there
    is no class or its label has no direction, and `correct` whether the call is that side: None
    where there is none, and for a NO_TRADE by a label that has no such class, which is no call.
    """

    prediction_id: str
    settled_ms: int
    status: Status
    exit_price: float
    return_bps: float
    mfe_bps: float
    mae_bps: float
    label: str | None
    side: Pred | None
    correct: bool | None


def settle(
    signal: Signal, after: Sequence[Candle], timeframe: Timeframe, class_after: ClassAfter
) -> Outcome | None:
    """The outcome of `signal`, or None while `after` does not decide it.

    `after` holds the candles that follow its own, ascending. The first that touches stop or
    target ends a trade: at the stop when it touches both, else at the first target; a candle that
    opens beyond a level fills at its open. TP2 and TP3 record how far that candle reached; the
    fill is still at the first target. A NO_TRADE is settled when its label is known, and a signal
    with a label of its own at the end of its horizon, even if its trade ended before. A missing
    candle before the end leaves the signal open.
    """
    due_ms = signal.candle_open_ms
    path: list[Candle] = []
    for candle in after[: signal.horizon_bars]:
        due_ms += timeframe.ms
        if candle.open_ms != due_ms:
            return None
        path.append(candle)
        outcome = decided(signal, path, timeframe, class_after)
        if outcome is not None:
            return outcome
    return None


def decided(
    signal: Signal, path: Sequence[Candle], timeframe: Timeframe, class_after: ClassAfter
) -> Outcome | None:
    """The outcome of `signal` if the newest candle of `path` decides it: a step of `settle`.

    `path` holds every candle after the signal's own, up to its horizon, and those before the newest
    did not decide it.
    """
    is_last = len(path) == signal.horizon_bars
    if signal.label is not None:
        if not is_last:
            return None
        label = class_after(signal.label, signal.atr, path) if signal.atr else None
        return _labelled(signal, label, path, timeframe)
    ending = _ending(signal, path[-1])
    if ending is None and is_last:
        label = None if signal.atr is None else Pred.NO_TRADE
        ending = _Ending(Status.EXPIRED, path[-1].close, label)
    return None if ending is None else _outcome(signal, path, timeframe, ending)


def barriers(signal: Signal) -> tuple[float, float]:
    """Prices (lower, upper): a candle inside them cannot settle `signal` before its horizon."""
    if signal.label is not None:
        return float("-inf"), float("inf")
    return _barriers(signal)


def _barriers(signal: Signal) -> tuple[float, float]:
    if signal.atr is None:
        return float("-inf"), float("inf")
    reach = STOP_ATR * signal.atr
    return signal.levels.entry - reach, signal.levels.entry + reach


class _Ending(NamedTuple):
    status: Status
    price: float
    label: str | None


def _ending(signal: Signal, candle: Candle) -> _Ending | None:
    lower, upper = _barriers(signal)
    fell, rose = candle.low <= lower, candle.high >= upper
    if not (fell or rose):
        return None
    if signal.pred is Pred.NO_TRADE:
        up = rose and (not fell or candle.close >= signal.levels.entry)
        return _Ending(Status.EXPIRED, candle.close, Pred.LONG if up else Pred.SHORT)
    is_long = signal.pred is Pred.LONG
    if fell if is_long else rose:
        stop = lower if is_long else upper
        worse = min if is_long else max
        label = Pred.SHORT if is_long else Pred.LONG
        return _Ending(Status.SL, worse(stop, candle.open), label)
    target = upper if is_long else lower
    better = max if is_long else min
    return _Ending(_reached(signal, candle), better(target, candle.open), signal.pred)


def _labelled(
    signal: Signal, label: str | None, path: Sequence[Candle], timeframe: Timeframe
) -> Outcome:
    """The outcome with the label of the signal; the trade ends at the horizon at the latest."""
    held = path
    ending = _Ending(Status.EXPIRED, path[-1].close, label)
    if signal.pred is not Pred.NO_TRADE:
        for count, candle in enumerate(path, 1):
            left = _ending(signal, candle)
            if left is not None:
                held, ending = path[:count], left._replace(label=label)
                break
    ended = _outcome(signal, held, timeframe, ending)
    return ended._replace(settled_ms=timeframe.close_of(path[-1].open_ms))


def _reached(signal: Signal, candle: Candle) -> Status:
    assert signal.levels.take_profits is not None
    reached = Status.TP1
    for status, price in zip(_TARGETS, signal.levels.take_profits, strict=True):
        if candle.high >= price if signal.pred is Pred.LONG else candle.low <= price:
            reached = status
    return reached


def _outcome(
    signal: Signal,
    path: Sequence[Candle],
    timeframe: Timeframe,
    ending: _Ending,
) -> Outcome:
    status, price, label = ending
    entry = signal.levels.entry
    sign = -1.0 if signal.pred is Pred.SHORT else 1.0
    up = (max(map(_HIGH, path)) / entry - 1.0) * 1e4
    down = (min(map(_LOW, path)) / entry - 1.0) * 1e4
    moved = sign * (price / entry - 1.0) * 1e4
    side = side_of(signal.label, label)
    return Outcome(
        prediction_id=signal.id,
        settled_ms=timeframe.close_of(path[-1].open_ms),
        status=status,
        exit_price=price,
        return_bps=0.0 if signal.pred is Pred.NO_TRADE else moved,
        mfe_bps=up if sign > 0 else -down,
        mae_bps=down if sign > 0 else -up,
        label=label,
        side=side,
        correct=None if side is None or _is_no_call(signal) else side is signal.pred,
    )


def _is_no_call(signal: Signal) -> bool:
    """Whether it is a NO_TRADE by a label whose classes are falls and rises alone."""
    if signal.pred is not Pred.NO_TRADE or signal.label is None:
        return False
    return signal.label.direction is not None and not signal.label.direction.neutral


def side_of(spec: LabelSpec | None, label: str | None) -> Pred | None:
    """The side that class `label` stands for, if any.

    `spec` is None for the triple barrier of `settle`.
    """
    if label is None:
        return None
    if spec is None:
        return label if isinstance(label, Pred) else Pred(label)  # Pred(…) is slow
    if spec.direction is None:
        return None
    place = spec.classes.index(label)
    sides = zip(spec.direction, (Pred.SHORT, Pred.NO_TRADE, Pred.LONG), strict=True)
    return next(side for classes, side in sides if place in classes)
