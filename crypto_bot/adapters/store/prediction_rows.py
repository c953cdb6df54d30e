"""Signals and outcomes as rows of their tables, exactly and both ways."""

from __future__ import annotations

import json
from collections.abc import Iterable
from enum import StrEnum
from functools import lru_cache
from json.encoder import encode_basestring_ascii as _quoted
from typing import Any

from sqlalchemy import Row

from crypto_bot.domain.distribution import Distribution
from crypto_bot.domain.label import SHORT_NO_TRADE_LONG, LabelSpec
from crypto_bot.domain.outcome import Outcome, Status
from crypto_bot.domain.signal import Declined, Levels, Pred, Role, Signal, Source
from crypto_bot.ports import StoredSignal


def prediction_row(stored: StoredSignal, engine: str, commit_number: int) -> tuple[Any, ...]:
    """The values of `stored` in the order of the columns of `predictions`.

    JSON is put together by hand: `json.dumps` would take as long as all the rest.
    """
    signal = stored.signal
    classes, probabilities = signal.distribution
    return (
        engine,
        signal.id,
        signal.symbol,
        signal.tf,
        signal.candle_open_ms,
        str(signal.role),
        commit_number,
        stored.created_ms,
        stored.late,
        str(signal.pred),
        signal.confidence,
        *(
            (None, *probabilities)
            if classes == SHORT_NO_TRADE_LONG
            else (json.dumps([*zip(classes, probabilities, strict=True)]), None, None, None)
        ),
        signal.expected_bps,
        signal.cost_bps,
        str(signal.source),
        signal.model_version,
        signal.levels.entry,
        signal.levels.stop_loss,
        *(signal.levels.take_profits or (None, None, None)),
        signal.atr,
        signal.horizon_bars,
        _array(map(_quoted, signal.reasons)),
        _array([f'["{source!s}", {_quoted(reason)}]' for source, reason in signal.declined]),
        None if signal.label is None else _rule_text(signal.label),
    )


def stored_signal(row: Row[Any]) -> StoredSignal:
    """The signal of a row that begins with the columns of `predictions`.

    By their order, as they are written: asking a row for a column by name takes five times as long.
    """
    values: tuple[Any, ...] = tuple(row)
    engine, _, symbol, tf, open_ms, role, _, created_ms, late, pred, confidence = values[:11]
    classes, *sides, expected_bps, cost_bps, source, version = values[11:19]
    entry, stop, tp1, tp2, tp3, atr, horizon_bars, reasons, declined, rule = values[19:29]
    signal = Signal(
        symbol=symbol,
        tf=tf,
        candle_open_ms=open_ms,
        pred=Pred(pred),
        confidence=confidence,
        distribution=(
            Distribution(SHORT_NO_TRADE_LONG, tuple(sides))
            if classes is None
            else _distribution(classes)
        ),
        source=Source(source),
        levels=Levels(entry, stop, None if tp1 is None else (tp1, tp2, tp3)),
        atr=atr,
        horizon_bars=horizon_bars,
        reasons=tuple(json.loads(reasons)),
        declined=_declined(declined),
        expected_bps=expected_bps,
        cost_bps=cost_bps,
        model_version=version,
        label=None if rule is None else _label_of(rule),
        role=Role(role),
        engine=engine,
    )
    return StoredSignal(signal, created_ms, late)


def outcome_row(outcome: Outcome, engine: str, commit_number: int) -> tuple[Any, ...]:
    """The values of `outcome` in the order of the columns of `outcomes`."""
    values = (str(each) if isinstance(each, StrEnum) else each for each in outcome[1:])
    return (engine, outcome.prediction_id, commit_number, *values)


def outcome_of(row: Row[Any]) -> Outcome:
    """The outcome of a row of `outcomes`, perhaps joined with others."""
    return Outcome(
        prediction_id=row.prediction_id,
        settled_ms=row.settled_ms,
        status=Status(row.status),
        exit_price=row.exit_price,
        return_bps=row.return_bps,
        mfe_bps=row.mfe_bps,
        mae_bps=row.mae_bps,
        label=row.label,
        side=None if row.side is None else Pred(row.side),
        correct=row.correct,
    )


def _distribution(text: str) -> Distribution:
    classes, probabilities = zip(*json.loads(text), strict=True)
    return Distribution(classes, probabilities)


@lru_cache(maxsize=64)  # a program has few
def _rule_text(label: LabelSpec) -> str:
    return json.dumps(label.as_json())


@lru_cache(maxsize=64)  # as above
def _label_of(text: str) -> LabelSpec:
    return LabelSpec.from_json(json.loads(text))


@lru_cache(maxsize=4096)  # the same few come with nearly every signal
def _declined(text: str) -> tuple[Declined, ...]:
    return tuple(Declined(Source(source), reason) for source, reason in json.loads(text))


def _array(texts: Iterable[str]) -> str:
    return f"[{', '.join(texts)}]"
