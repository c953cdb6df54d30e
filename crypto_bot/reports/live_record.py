"""The live record kept in memory as columns, and the performance reports made from it."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from threading import Lock
from typing import Any, NamedTuple, TypeVar

import numpy as np

from crypto_bot.domain.alarm import Alarm
from crypto_bot.domain.instant import DAY_MS
from crypto_bot.domain.signal import Pred
from crypto_bot.ports import ModelCatalog, PredictionQueries
from crypto_bot.reports.live_drift import outcome_alarms
from crypto_bot.reports.live_skill import (
    LiveModel,
    all_models,
    by_models,
    by_those_that_answer,
    live_models,
)
from crypto_bot.statistics import breakdown
from crypto_bot.statistics.breakdown import Line
from crypto_bot.statistics.loss_curve import (
    PRIOR_DAYS,
    ROLLING_DAYS,
    LossPoint,
    losses,
    rolling,
)
from crypto_bot.statistics.reliability import Reliability, reliability
from crypto_bot.statistics.resolved import LONG, PREDS, SHORT, ResolvedCalls
from crypto_bot.statistics.rows import Bools

MEMORY_DAYS = 90
_CATCH_UP_MS = DAY_MS
"""Coins are at most so far apart: of a coin that is further behind nothing is waited for."""
_READ_DAYS = 5
"""Days whose calls are read at once: as rows they take much more memory than as columns."""


class Window(StrEnum):
    """How far back calls count, from now."""

    DAY = "24 h"
    WEEK = "7 d"
    MONTH = "30 d"
    ALL = f"{MEMORY_DAYS} d"

    @property
    def days(self) -> int:
        """Its length."""
        amount, unit = self.value.split()
        return int(amount) // (24 if unit == "h" else 1)


class SourceGroup(StrEnum):
    """Whose calls count."""

    ALL = "All sources"
    MODELS = "ML"
    RULES = "Rules"


class Selection(NamedTuple):
    """The calls that a report is about; `side` None is both."""

    window: Window = Window.MONTH
    group: SourceGroup = SourceGroup.ALL
    side: Pred | None = None


@dataclass(frozen=True, slots=True)
class PerformanceReport:
    """All figures of one selection. Lines are of LONG and SHORT calls alone."""

    selection: Selection
    calls: int
    """Resolved, NO_TRADE among them."""
    days: int
    trades: Line
    by_source: tuple[Line, ...]
    random_side: Line
    by_coin: tuple[Line, ...]
    by_hour: tuple[Line, ...]
    by_volatility: tuple[Line, ...]
    confusion: tuple[tuple[int, int, int], ...]
    """By label (rows) and by what was called: SHORT, NO_TRADE, LONG."""
    predicted_by: SourceGroup
    """Whose probabilities: those of models where there are any; a rule has its record alone."""
    long: Reliability
    short: Reliability
    loss: tuple[LossPoint, ...]
    """Of the same probabilities, over 30 days at least, whatever the window; both sides."""


class Headline(NamedTuple):
    """Of a selection, what the first view shows; each figure is that of its report."""

    trades: Line
    by_coin: Mapping[str, Line]
    predicted_by: SourceGroup
    loss: LossPoint | None
    """The newest point of the curve, if it is of the last seven days."""
    open_since_ms: int
    """No call of an older candle waits for its outcome."""
    is_read: bool = True
    """Whether the calls have been read: otherwise there are none in it."""


class ModelsReport(NamedTuple):
    """Models live, beside their tests."""

    together: LiveModel
    models: tuple[LiveModel, ...]


_Answer = TypeVar("_Answer")


class LiveRecord:
    """Reads what has been settled since it last read, and reports on it. Any thread may ask.

    The store is read again for each other `version`. Raises StoreError.
    """

    def __init__(
        self, queries: PredictionQueries, catalog: ModelCatalog, now_ms: Callable[[], int]
    ) -> None:
        self._queries = queries
        self._catalog = catalog
        self._now_ms = now_ms
        self._lock = Lock()
        self._calls = ResolvedCalls.of([])
        self._losses = losses(self._calls)
        self._version: Hashable = self  # equal to none that is asked for
        self._days = 0
        self._since_ms = 0
        self._final_ms = 0
        """Every call of a candle before this one has its outcome, or will get none."""
        self._known: dict[Hashable, Any] = {}

    def report(self, selection: Selection, version: Hashable) -> PerformanceReport:
        """Computed once for each version."""
        days = _curve_days(selection) + ROLLING_DAYS + PRIOR_DAYS
        return self._at(version, days, selection, lambda: self._reported(selection))

    def headline(self, version: Hashable) -> Headline:
        """Of the default selection."""
        days = max(Selection().window.days, 2 * ROLLING_DAYS + PRIOR_DAYS)
        return self._at(version, days, Headline, self._headline)

    def unread(self) -> Headline:
        """What is known at once: reading the calls of many coins takes seconds."""
        nothing = breakdown.overall(ResolvedCalls.of([]))
        since_ms = self._now_ms() - DAY_MS
        return Headline(nothing, {}, SourceGroup.RULES, None, since_ms, is_read=False)

    def models(self, version: Hashable) -> ModelsReport:
        """The published models, live and as they were tested."""
        return self._at(
            version,
            MEMORY_DAYS,
            ModelsReport,
            lambda: ModelsReport(
                all_models(self._calls, self._losses),
                live_models(self._calls, self._losses, self._catalog.entries()),
            ),
        )

    def alarms(self, version: Hashable) -> list[Alarm]:
        """Of the models that answer now."""
        return self._at(version, MEMORY_DAYS, Alarm, self._alarms)

    def _at(
        self, version: Hashable, days: int, key: Hashable, compute: Callable[[], _Answer]
    ) -> _Answer:
        """What `compute` makes of the calls of so many days, once for each version."""
        with self._lock:
            days = max(self._days, min(days, MEMORY_DAYS))
            if version != self._version or days > self._days:
                self._refresh(days)
                self._version = version
                self._known.clear()
            if key not in self._known:
                self._known[key] = compute()
            answer: _Answer = self._known[key]
            return answer

    def _refresh(self, days: int) -> None:
        """Reads what may have changed, and what is older than all that was read."""
        now_ms, known = self._now_ms(), self._calls
        since_ms = now_ms - days * DAY_MS
        again_ms = max(since_ms, self._final_ms if len(known) else since_ms)
        kept = known.where((known.open_ms >= since_ms) & (known.open_ms < again_ms))
        oldest_ms = max(now_ms - MEMORY_DAYS * DAY_MS, self._final_ms)
        final_ms = self._queries.oldest_open(oldest_ms) or now_ms
        reached = [each.signal.candle_open_ms for each in self._queries.latest_predictions()]
        stored_ms = max(min(reached, default=0), now_ms - _CATCH_UP_MS)
        older = self._read(since_ms, min(self._since_ms, again_ms))
        found = older.followed_by(kept).followed_by(self._read(again_ms, now_ms + 1))
        self._calls, self._losses, self._days = found, losses(found), days
        self._since_ms, self._final_ms = since_ms, min(final_ms, stored_ms)

    def _read(self, since_ms: int, until_ms: int) -> ResolvedCalls:
        found = ResolvedCalls.of([])
        for from_ms in range(since_ms, until_ms, _READ_DAYS * DAY_MS):
            to_ms = min(from_ms + _READ_DAYS * DAY_MS, until_ms)
            rows = self._queries.resolved_calls(from_ms, to_ms)
            found = found.followed_by(ResolvedCalls.of(rows))
        return found

    def _reported(self, selection: Selection) -> PerformanceReport:
        calls, trades = self._selected(selection)
        predicted_by = _predicted_by(calls, selection.group)
        predicted = calls.where(_in_group(calls, predicted_by))
        return PerformanceReport(
            selection=selection,
            calls=len(calls),
            days=int(np.unique(calls.day).size),
            trades=breakdown.overall(trades),
            by_source=breakdown.by_source(trades),
            random_side=breakdown.random_side(trades),
            by_coin=breakdown.by_coin(trades),
            by_hour=breakdown.by_hour(trades),
            by_volatility=breakdown.by_volatility(trades),
            confusion=breakdown.confusion(calls),
            predicted_by=predicted_by,
            long=reliability(predicted.p[:, LONG], predicted.label == LONG),
            short=reliability(predicted.p[:, SHORT], predicted.label == SHORT),
            loss=self._curve(predicted_by, _curve_days(selection)),
        )

    def _alarms(self) -> list[Alarm]:
        chosen = by_those_that_answer(self._calls, self._catalog.entries())
        return outcome_alarms(self._calls.where(chosen), self._losses.where(chosen))

    def _headline(self) -> Headline:
        calls, trades = self._selected(Selection())
        predicted_by = _predicted_by(calls, SourceGroup.ALL)
        loss = self._curve(predicted_by, ROLLING_DAYS)
        return Headline(
            breakdown.overall(trades),
            {line.name: line for line in breakdown.by_coin(trades)},
            predicted_by,
            loss[-1] if loss else None,
            self._final_ms,
        )

    def _selected(self, selection: Selection) -> tuple[ResolvedCalls, ResolvedCalls]:
        """The calls of a selection, and its trades: of the chosen side alone."""
        known = self._calls
        since_ms = self._now_ms() - selection.window.days * DAY_MS
        calls = known.where(_in_group(known, selection.group) & (known.open_ms >= since_ms))
        if selection.side is None:
            return calls, calls.where(calls.is_trade)
        return calls, calls.where(calls.pred == PREDS.index(selection.side))

    def _curve(self, group: SourceGroup, days: int) -> tuple[LossPoint, ...]:
        """Points of the group's log loss over the newest days."""
        calls, since_ms = self._calls, self._now_ms() - days * DAY_MS
        chosen = _in_group(calls, group) & (calls.day > since_ms // DAY_MS - ROLLING_DAYS)
        points = rolling(calls.where(chosen), self._losses.where(chosen))
        return tuple(point for point in points if point.day_ms >= since_ms)


def _curve_days(selection: Selection) -> int:
    """A curve over less than a month would say little."""
    return max(selection.window.days, Window.MONTH.days)


def _in_group(calls: ResolvedCalls, group: SourceGroup) -> Bools:
    if group is SourceGroup.ALL:
        return np.ones(len(calls), dtype=np.bool_)
    of_models = by_models(calls)
    return of_models if group is SourceGroup.MODELS else ~of_models


def _predicted_by(calls: ResolvedCalls, group: SourceGroup) -> SourceGroup:
    if group is not SourceGroup.ALL:
        return group
    return SourceGroup.MODELS if by_models(calls).any() else SourceGroup.RULES
