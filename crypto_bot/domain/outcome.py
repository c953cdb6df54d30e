"""Settling: what the market did with a call, from the candles after it and nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from operator import attrgetter
from typing import NamedTuple

from crypto_bot.domain.candle import Candle
from crypto_bot.domain.label import LabelSpec, Rule
from crypto_bot.domain.signal import STOP_ATR, Pred, Signal
from crypto_bot.domain.timeframe import Timeframe


class Status(StrEnum):
    """How a signal ended. A NO_TRADE always ends as EXPIRED."""

    TP1 = "TP1"
    TP2 = "TP2"
    TP3 = "TP3"
    SL = "SL"
    EXPIRED = "EXPIRED"


_TARGETS = (Status.TP1, Status.TP2, Status.TP3)
_HIGH, _LOW = attrgetter("high"), attrgetter("low")


class Outcome(NamedTuple):
    """The end of one signal.

    `settled_ms` is the close of the candle that decided it. `return_bps` is gross and 0 for a
    NO_TRADE. `mfe_bps` and `mae_bps` are the best and worst excursion seen from the side of the
    trade (from the long side for a NO_TRADE), exit candle included. `label` is the signal's own, or
    the triple barrier (+-2 ATR, the signal's horizon) where it has none; it and `correct` are None
    where the signal had no ATR.
    """

    prediction_id: str
    settled_ms: int
    status: Status
    exit_price: float
    return_bps: float
    mfe_bps: float
    mae_bps: float
    label: Pred | None
    correct: bool | None


def settle(signal: Signal, after: Sequence[Candle], timeframe: Timeframe) -> Outcome | None:
    """The outcome of `signal`, or None while `after` does not decide it.

    `after` holds the candles that follow its own, ascending. The first that touches stop or
    target ends a trade: at the stop when it touches both, else at the first target; a candle that
    opens beyond a level fills at its open. TP2 and TP3 say how far that one candle reached; the
    fill stays that of the first target. A NO_TRADE is settled when its label is known, and a signal
    with a label of its own at the end of its horizon, wherever its trade ended before. A missing
    candle before the end leaves the signal open.
    """
    due_ms = signal.candle_open_ms
    path: list[Candle] = []
    for candle in after[: signal.horizon_bars]:
        due_ms += timeframe.ms
        if candle.open_ms != due_ms:
            return None
        path.append(candle)
        outcome = decided(signal, path, timeframe)
        if outcome is not None:
            return outcome
    return None


def decided(signal: Signal, path: Sequence[Candle], timeframe: Timeframe) -> Outcome | None:
    """The outcome of `signal` where the newest candle of `path` decides it: a step of `settle`.

    `path` holds every candle after the signal's own, up to its horizon, and those before the newest
    did not decide it.
    """
    is_last = len(path) == signal.horizon_bars
    if signal.label is not None:
        return _labelled(signal, signal.label, path, timeframe) if is_last else None
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


def label_after(spec: LabelSpec, atr: float | None, after: Sequence[Candle]) -> Pred | None:
    """The label of a close with this ATR (price units), as `features.labels.label` has it.

    `after` holds the `horizon_bars` candles that follow, or more; a trade enters at the open of the
    first. A candle that touches both barriers is the stop of either side: NO_TRADE. None where
    there is no ATR, or one of 0.
    """
    if atr is None or not atr > 0.0:
        return None
    path = after[: spec.horizon_bars]
    entry = path[0].open
    reach = spec.threshold * (entry if spec.rule is Rule.HOLD_SHARE else atr)
    if spec.rule is Rule.BARRIER_ATR:
        return _touched(path, entry - reach, entry + reach)
    moved = path[-1].close - entry
    if moved > reach:
        return Pred.LONG
    return Pred.SHORT if -moved > reach else Pred.NO_TRADE


def _touched(path: Sequence[Candle], lower: float, upper: float) -> Pred:
    for candle in path:
        rose, fell = candle.high >= upper, candle.low <= lower
        if rose != fell:
            return Pred.LONG if rose else Pred.SHORT
        if rose:
            break
    return Pred.NO_TRADE


def _barriers(signal: Signal) -> tuple[float, float]:
    if signal.atr is None:
        return float("-inf"), float("inf")
    reach = STOP_ATR * signal.atr
    return signal.levels.entry - reach, signal.levels.entry + reach


class _Ending(NamedTuple):
    status: Status
    price: float
    label: Pred | None


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
    signal: Signal, spec: LabelSpec, path: Sequence[Candle], timeframe: Timeframe
) -> Outcome:
    """The trade ends as any other, at the latest with the horizon; its label is its own."""
    label = label_after(spec, signal.atr, path)
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
    side = -1.0 if signal.pred is Pred.SHORT else 1.0
    up = (max(map(_HIGH, path)) / entry - 1.0) * 1e4
    down = (min(map(_LOW, path)) / entry - 1.0) * 1e4
    moved = side * (price / entry - 1.0) * 1e4
    return Outcome(
        prediction_id=signal.id,
        settled_ms=timeframe.close_of(path[-1].open_ms),
        status=status,
        exit_price=price,
        return_bps=0.0 if signal.pred is Pred.NO_TRADE else moved,
        mfe_bps=up if side > 0 else -down,
        mae_bps=down if side > 0 else -up,
        label=label,
        correct=None if label is None else label is signal.pred,
    )
