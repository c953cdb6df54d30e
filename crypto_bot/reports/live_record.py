"""The live record kept in memory as columns, and the performance reports made from it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from threading import Lock
from typing import NamedTuple

import numpy as np

from crypto_bot.domain.instant import DAY_MS
from crypto_bot.domain.signal import Pred, Source
from crypto_bot.ports import ModelCatalog, PredictionQueries
from crypto_bot.reports import breakdown
from crypto_bot.reports.breakdown import Line
from crypto_bot.reports.live_skill import LiveModel, all_models, live_models
from crypto_bot.reports.loss_curve import Losses, LossPoint, losses, rolling
from crypto_bot.reports.reliability import Reliability, reliability
from crypto_bot.reports.resolved import LONG, PREDS, SHORT, SOURCES, Bools, ResolvedCalls

MEMORY_DAYS = 90
_UNSETTLED_DAYS = 3
"""Coins are no further apart than a day, and no call stays open for longer than another."""
_MODELS = SOURCES.index(Source.ML_PER_COIN_V1)


class Window(StrEnum):
    """How far back calls count, from now."""

    DAY = "24 h"
    WEEK = "7 d"
    MONTH = "30 d"
    ALL = "90 d"

    @property
    def days(self) -> int:
        """Its length."""
        return {"24 h": 1, "7 d": 7, "30 d": 30, "90 d": MEMORY_DAYS}[self.value]


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
    """Everything that is told of one selection. Lines are of LONG and SHORT calls alone."""

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
    """By what came (rows) and what was called: SHORT, NO_TRADE, LONG."""
    said_by: SourceGroup
    """Whose probabilities: those of models where both spoke; a rule has its record alone."""
    long: Reliability
    short: Reliability
    loss: tuple[LossPoint, ...]
    """Of the same probabilities, over 30 days at least, whatever the window; both sides."""


class ModelsReport(NamedTuple):
    """Models live, beside their tests."""

    together: LiveModel
    models: tuple[LiveModel, ...]


class LiveRecord:
    """Reads what has been resolved since it last looked, and reports on it. Any thread may ask."""

    def __init__(
        self, queries: PredictionQueries, catalog: ModelCatalog, now_ms: Callable[[], int]
    ) -> None:
        self._queries = queries
        self._catalog = catalog
        self._now_ms = now_ms
        self._lock = Lock()
        self._calls = ResolvedCalls.of([])
        self._losses = losses(self._calls)
        self._read = False
        self._as_of_ms: int | None = None
        self._known: dict[Selection, PerformanceReport] = {}
        self._models: ModelsReport | None = None

    def report(self, selection: Selection, as_of_ms: int | None) -> PerformanceReport:
        """Of the calls as they stood at the cycle of `as_of_ms`; computed once for each.

        Another `as_of_ms` than the last is the word that there was a cycle: the store is read.
        Raises StoreError.
        """
        with self._lock:
            self._follow(as_of_ms)
            if selection not in self._known:
                self._known[selection] = self._reported(selection)
            return self._known[selection]

    def models(self, as_of_ms: int | None) -> ModelsReport:
        """The published models, live and as they were tested; otherwise as `report`."""
        with self._lock:
            self._follow(as_of_ms)
            if self._models is None:
                entries = self._catalog.entries()
                self._models = ModelsReport(
                    all_models(self._calls, self._losses),
                    live_models(self._calls, self._losses, entries),
                )
            return self._models

    def _follow(self, as_of_ms: int | None) -> None:
        if self._read and as_of_ms == self._as_of_ms:
            return
        self._refresh()
        self._read, self._as_of_ms = True, as_of_ms

    def _refresh(self) -> None:
        since_ms = self._now_ms() - MEMORY_DAYS * DAY_MS
        known = self._calls
        if len(known):
            again_ms = max(since_ms, int(known.open_ms[-1]) - _UNSETTLED_DAYS * DAY_MS)
            fresh = ResolvedCalls.of(self._queries.resolved_calls(again_ms))
            kept = known.where((known.open_ms >= since_ms) & (known.open_ms < again_ms))
            found = kept.followed_by(fresh)
        else:
            found = ResolvedCalls.of(self._queries.resolved_calls(since_ms))
        self._calls, self._losses = found, losses(found)
        self._known.clear()
        self._models = None

    def _reported(self, selection: Selection) -> PerformanceReport:
        everything = self._calls
        of_group = _in_group(everything, selection.group)
        now_ms = self._now_ms()
        calls = everything.where(
            of_group & (everything.open_ms >= now_ms - selection.window.days * DAY_MS)
        )
        wanted = calls.is_trade
        if selection.side is not None:
            wanted = calls.pred == PREDS.index(selection.side)
        trades = calls.where(wanted)
        said_by = _said_by(calls, selection.group)
        told = calls.where(_in_group(calls, said_by))
        curve_days = max(selection.window.days, Window.MONTH.days)
        since_ms = now_ms - curve_days * DAY_MS
        spoke = _in_group(everything, said_by)
        chosen = everything.where(spoke)
        loss = Losses(*(column[spoke] for column in self._losses))
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
            said_by=said_by,
            long=reliability(told.p[:, LONG], told.label == LONG),
            short=reliability(told.p[:, SHORT], told.label == SHORT),
            loss=tuple(point for point in rolling(chosen, loss) if point.day_ms >= since_ms),
        )


def _in_group(calls: ResolvedCalls, group: SourceGroup) -> Bools:
    if group is SourceGroup.ALL:
        return np.ones(len(calls), dtype=np.bool_)
    of_models: Bools = calls.source == _MODELS
    return of_models if group is SourceGroup.MODELS else ~of_models


def _said_by(calls: ResolvedCalls, group: SourceGroup) -> SourceGroup:
    if group is not SourceGroup.ALL:
        return group
    return SourceGroup.MODELS if (calls.source == _MODELS).any() else SourceGroup.RULES
