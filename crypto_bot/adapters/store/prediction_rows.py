"""Signals and outcomes as rows of their tables, exactly and both ways."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from json.encoder import encode_basestring_ascii as _quoted
from typing import Any

from sqlalchemy import Row

from crypto_bot.domain.distribution import Distribution
from crypto_bot.domain.label import SHORT_NO_TRADE_LONG, LabelSpec
from crypto_bot.domain.outcome import Outcome, Status
from crypto_bot.domain.signal import (
    CHAMPION,
    Declined,
    Levels,
    Pred,
    Probabilities,
    Role,
    Signal,
    Source,
)
from crypto_bot.ports import StoredSignal

# Calling an enumeration takes ten times as long.
_PREDS = {str(each): each for each in Pred}
_SOURCES = {str(each): each for each in Source}
_STATUSES = {str(each): each for each in Status}


def prediction_row(stored: StoredSignal, engine: int, commit_number: int) -> tuple[Any, ...]:
    """The values of `stored` in the order of the columns of `predictions`.

    JSON is put together by hand: `json.dumps` would take as long as all the rest.
    """
    signal, created_ms, late = stored
    symbol, tf, open_ms, pred, confidence, (classes, probabilities), source, levels = signal[:8]
    atr, horizon_bars, reasons, _, expected_bps, cost_bps, version, label = signal[8:16]
    role = None if signal.role is CHAMPION else str(signal.role)
    distribution: tuple[Any, ...] = (None, *probabilities)
    if classes != SHORT_NO_TRADE_LONG:
        distribution = (json.dumps([*zip(classes, probabilities, strict=True)]), None, None, None)
    entry, stop_loss, targets = levels
    return (
        *(engine, signal.id, symbol, tf, open_ms, role, commit_number, created_ms, late),
        *(str(pred), confidence, *distribution, expected_bps, cost_bps, str(source), version),
        *(entry, stop_loss, *(targets or (None, None, None)), atr, horizon_bars),
        _array(map(_quoted, reasons)),
        _array(_asked(signal)),
        None if label is None else _rule_text(label),
        *(signal.given or (None, None, None)),
    )


def stored_signal(row: Row[Any], engine: str) -> StoredSignal:
    """The signal of `engine` in a row that begins with the columns of `predictions`.

    By their order, as they are written: asking a row for a column by name takes five times as long.
    """
    values: tuple[Any, ...] = tuple(row)
    _, _, symbol, tf, open_ms, role, _, created_ms, late, pred, confidence = values[:11]
    classes, *sides, expected_bps, cost_bps, source, version = values[11:19]
    entry, stop, tp1, tp2, tp3, atr, horizon_bars, reasons, declined, rule = values[19:29]
    given = values[29:32]
    passed, near = _declined(declined)
    signal = Signal(
        symbol=symbol,
        tf=tf,
        candle_open_ms=open_ms,
        pred=_PREDS[pred],
        confidence=confidence,
        distribution=distribution_of(classes, sides),
        source=_SOURCES[source],
        levels=Levels(entry, stop, None if tp1 is None else (tp1, tp2, tp3)),
        atr=atr,
        horizon_bars=horizon_bars,
        reasons=tuple(json.loads(reasons)),
        declined=passed,
        expected_bps=expected_bps,
        cost_bps=cost_bps,
        model_version=version,
        label=None if rule is None else _label_of(rule),
        role=CHAMPION if role is None else Role(role),
        engine=engine,
        near=near,
        given=None if given[0] is None else Probabilities(*given),
    )
    return StoredSignal(signal, created_ms, late)


def outcome_row(outcome: Outcome, engine: int, commit_number: int) -> tuple[Any, ...]:
    """The values of `outcome` in the order of the columns of `outcomes`."""
    of_id, settled_ms, status, *numbers, label, side, correct = outcome
    names = (None if label is None else str(label), None if side == label else str(side))
    return (engine, of_id, commit_number, settled_ms, str(status), *numbers, *names, correct)


def outcome_of(row: Row[Any]) -> Outcome:
    """The outcome of a row that ends with the columns of `outcomes`, by their order too."""
    values: tuple[Any, ...] = tuple(row)[-11:]
    of_id, _, settled_ms, status, price, moved, best, worst, label, side, correct = values
    side = _PREDS.get(side or label)
    return Outcome(
        *(of_id, settled_ms, _STATUSES[status], price, moved, best, worst), label, side, correct
    )


def distribution_of(classes: str | None, sides: Sequence[float]) -> Distribution:
    """As the columns `distribution`, `p_short`, `p_no_trade` and `p_long` hold it."""
    if classes is None:
        return Distribution(SHORT_NO_TRADE_LONG, tuple(sides))
    names, probabilities = zip(*json.loads(classes), strict=True)
    return Distribution(names, probabilities)


@lru_cache(maxsize=64)  # a program has few
def _rule_text(label: LabelSpec) -> str:
    return json.dumps(label.as_json())


@lru_cache(maxsize=64)  # as above
def _label_of(text: str) -> LabelSpec:
    return LabelSpec.from_json(json.loads(text))


@lru_cache(maxsize=4096)  # the same few come with nearly every signal
def _declined(text: str) -> tuple[tuple[Declined, ...], float | None]:
    """Those that declined, and how near the source that answered was to a call."""
    asked = json.loads(text)
    near = asked.pop()[2] if asked and asked[-1][1] is None else None
    return tuple(Declined(Source(source), *rest) for source, *rest in asked), near


def _asked(signal: Signal) -> Iterator[str]:
    for source, reason, near in signal.declined:
        more = "" if near is None else f", {near}"
        yield f'["{source!s}", {_quoted(reason)}{more}]'
    if signal.near is not None:
        yield f'["{signal.source!s}", null, {signal.near}]'


def _array(texts: Iterable[str]) -> str:
    return f"[{', '.join(texts)}]"
