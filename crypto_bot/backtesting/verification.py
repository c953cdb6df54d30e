"""Compares the prediction log with a recomputation from the same candles, field by field."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from math import isclose, isfinite
from typing import Any, NamedTuple

from crypto_bot.domain.log import LogFilter
from crypto_bot.domain.outcome import Outcome
from crypto_bot.domain.signal import MODEL_SOURCES, Signal
from crypto_bot.ports import LoggedSignal, LogPosition, PredictionQueries

_PAGE = 4096
_MODEL_SLACK = 1e-5
"""Batched and incremental windows round differently."""
_RULE_SLACK = 1e-9
_BASIS_POINT_SLACK = 0.01


class Difference(NamedTuple):
    """A field of a line that differs from its recomputation."""

    id: str
    field: str
    logged: str
    recomputed: str


class Verification(NamedTuple):
    """The number of lines compared, and the differences; a line may differ in several fields."""

    lines: int
    models: int
    """Lines with a call of a model."""
    differences: list[Difference]


def compare(logged: Iterable[LoggedSignal], recomputed: Iterable[LoggedSignal]) -> Verification:
    """Both ordered by candle and symbol, descending, as `pages` gives them.

    A logged line without a recomputed one is a difference, and so is one that is missing in the
    log. Outcomes are compared where the log has one.
    """
    lines = models = 0
    differences: list[Difference] = []
    for mine, theirs in _paired(logged, recomputed):
        lines += 1
        if mine is None or theirs is None:
            known = mine or theirs
            assert known is not None
            sides = ("stored", "nothing") if mine else ("nothing", "a signal")
            differences.append(Difference(known.stored.signal.id, "line", *sides))
            continue
        models += mine.stored.signal.source in MODEL_SOURCES
        differences.extend(_line(mine, theirs))
    return Verification(lines, models, differences)


def pages(queries: PredictionQueries, since_ms: int, until_ms: int) -> Iterator[LoggedSignal]:
    """The log from `until_ms` down to `since_ms`."""
    before: LogPosition | None = LogPosition(until_ms + 1, "")
    while before is not None:
        page = queries.log_page(LogFilter(since_ms=since_ms), before, _PAGE)
        yield from page
        before = None
        if len(page) == _PAGE:
            last = page[-1].stored.signal
            before = LogPosition(last.candle_open_ms, last.symbol)


def _paired(
    logged: Iterable[LoggedSignal], recomputed: Iterable[LoggedSignal]
) -> Iterator[tuple[LoggedSignal | None, LoggedSignal | None]]:
    left, right = iter(logged), iter(recomputed)
    mine, theirs = next(left, None), next(right, None)
    while mine is not None or theirs is not None:
        ahead, behind = _place(mine), _place(theirs)
        yield (mine if ahead >= behind else None, theirs if behind >= ahead else None)
        if ahead >= behind:
            mine = next(left, None)
        if behind >= ahead:
            theirs = next(right, None)


def _place(line: LoggedSignal | None) -> tuple[int, str]:
    if line is None:
        return (-1, "")
    return line.stored.signal.candle_open_ms, line.stored.signal.symbol


def _line(mine: LoggedSignal, theirs: LoggedSignal) -> Iterator[Difference]:
    signal = mine.stored.signal
    slack = _MODEL_SLACK if signal.source in MODEL_SOURCES else _RULE_SLACK
    logged, made = _fields(signal), _fields(theirs.stored.signal)
    if mine.outcome is not None:
        logged |= _ending(mine.outcome)
        made |= _ending(theirs.outcome)
    for field, value in logged.items():
        allowed = _BASIS_POINT_SLACK if field.endswith("_bps") else slack
        if not _same(value, made.get(field), allowed):
            yield Difference(signal.id, field, str(value), str(made.get(field)))


def _fields(signal: Signal) -> dict[str, Any]:
    short, no_trade, long = signal.probabilities
    return {
        "pred": signal.pred,
        "source": signal.source,
        "model_version": signal.model_version,
        "confidence": signal.confidence,
        "p_short": short,
        "p_no_trade": no_trade,
        "p_long": long,
        "expected_bps": signal.expected_bps,
        "entry": signal.levels.entry,
        "stop_loss": signal.levels.stop_loss,
        "atr": signal.atr,
        "horizon_bars": signal.horizon_bars,
        "label": signal.label,
    }


def _ending(outcome: Outcome | None) -> dict[str, Any]:
    if outcome is None:
        return {}
    return {
        "status": outcome.status,
        "exit_price": outcome.exit_price,
        "return_bps": outcome.return_bps,
        "outcome": outcome.label,
        "correct": outcome.correct,
    }


def _same(logged: Any, made: Any, slack: float) -> bool:
    if isinstance(logged, float) and isinstance(made, float) and isfinite(logged):
        return isclose(logged, made, rel_tol=slack, abs_tol=slack)
    return bool(logged == made)
