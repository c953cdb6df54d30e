"""Temperature and bias of a model's probabilities, learned again from what has been settled since.

Each day's are learned from the outcomes that were known before it: a function of settled calls
alone, so that it comes out the same, to the bit, whenever and wherever it is computed. What they
would have saved since is the evidence of whether they help (`e_process`); they are in force while
it is enough.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from itertools import repeat
from typing import NamedTuple

import numpy as np

from crypto_bot.domain.instant import DAY_MS
from crypto_bot.domain.signal import Probabilities
from crypto_bot.ports import SettledCall
from crypto_bot.statistics.e_process import PROMOTING, e_process
from crypto_bot.statistics.resolved import LONG, PREDS, SHORT, ResolvedCalls
from crypto_bot.statistics.rows import Floats, Ints
from crypto_bot.statistics.scores import log_loss

LEARNED_DAYS = 30
EVIDENCE_DAYS = 60
KEPT_DAYS = LEARNED_DAYS + EVIDENCE_DAYS + 5
"""Outcomes of so many days before a candle decide about its probabilities, beside the lag."""
LEAST_DAYS = 14
_SHRINK = 500.0
"""Of the squares of what is learned: weighs as much as some 2,500 calls."""
_START = np.array([1.0, 0.0, 0.0])
_SLOPES = 0.25, 4.0
_LEAST = 1e-12
_LONGEST_DAYS = 2
"""Calls that are settled later than so long after their candle are left as they are."""


class Recalibration(NamedTuple):
    """Log probabilities times `slope`, plus `short` and `long`, are the new ones but for a sum."""

    slope: float
    short: float
    long: float

    def __str__(self) -> str:
        return (
            f"temperature x {1.0 / self.slope:.2f}, LONG x {np.exp(self.long):.2f}, "
            f"SHORT x {np.exp(self.short):.2f} against NO_TRADE"
        )

    def of(self, p: Floats) -> Floats:
        """Probabilities [n, 3] from `p`, by rows: each comes out as it does alone."""
        logits = self.slope * np.log(np.maximum(p, _LEAST)) + (self.short, 0.0, self.long)
        return _softmax(logits)


class Day(NamedTuple):
    """What the calls that were settled on a UTC day would have saved, in the mean, nats."""

    day: int
    saved: float


class Evidence(NamedTuple):
    """Of the days that were known before one, and what its calls are recalibrated by."""

    days: tuple[Day, ...]
    by: Recalibration
    wealth: float
    """Of the e-process over the days."""

    @property
    def helps(self) -> bool:
        """Whether it is in force: the days are enough, and so is the evidence."""
        return len(self.days) >= LEAST_DAYS and self.wealth >= PROMOTING


class _Settled(NamedTuple):
    """Calls [n] by candle and coin, which are known from the same day on."""

    open_ms: Ints
    symbols: tuple[str, ...]
    p: Floats
    side: Ints
    sums: Floats


class Recalibrations:
    """Of each UTC day, from the outcomes that are `lag_ms` old when it begins.

    Outcomes of `EVIDENCE_DAYS` are the evidence, and each call counts as it would have been
    recalibrated on its own day, by what `LEARNED_DAYS` before that had taught.
    """

    def __init__(self, lag_ms: int) -> None:
        self._lag_ms = lag_ms
        self.restore(())

    def restore(self, calls: Iterable[SettledCall]) -> None:
        """Starts from these: all that were settled `KEPT_DAYS` before the oldest day or later."""
        self._new = defaultdict[int, list[SettledCall]](list)
        self._settled: dict[int, _Settled] = {}
        self._learned: dict[int, Recalibration] = {}
        self._saved: dict[int, float] = {}
        self._found: dict[int, Evidence] = {}
        self._used = 0
        """The last day whose outcomes something was learned from."""
        self.add(calls)

    def add(self, calls: Iterable[SettledCall]) -> None:
        """In any order. What was learned without one of them is learned again."""
        for call in calls:
            if call.settled_ms - call.open_ms > _LONGEST_DAYS * DAY_MS:
                continue
            known = -(-call.settled_ms // DAY_MS)
            self._new[known].append(call)
            if known <= self._used:
                self._used = 0
                for each in (self._learned, self._saved, self._found):
                    each.clear()

    def at(self, open_ms: int) -> Evidence:
        """Of the day of a candle, UTC ms."""
        day = open_ms // DAY_MS
        if day not in self._found:
            last = self._known(day)
            known = range(last - EVIDENCE_DAYS + 1, last + 1)
            days = tuple(Day(each, self._saving(each)) for each in known if self._rows(each))
            wealth = float(e_process([each.saved for each in days])[-1]) if days else 1.0
            self._found[day] = Evidence(days, self._learn(day), wealth)
            self._forget(last - KEPT_DAYS)
        return self._found[day]

    def _known(self, day: int) -> int:
        """The newest day whose outcomes count on `day`."""
        return (day * DAY_MS - self._lag_ms) // DAY_MS

    def _learn(self, day: int) -> Recalibration:
        if day not in self._learned:
            last = self._known(day)
            held = map(self._rows, range(last - LEARNED_DAYS + 1, last + 1))
            sums = [each.sums for each in held if each is not None]
            self._used = max(self._used, last)
            self._learned[day] = _learned(np.sum(sums or [np.zeros((3, 4))], axis=0))
        return self._learned[day]

    def _saving(self, known: int) -> float:
        if known not in self._saved:
            rows = self._rows(known)
            assert rows is not None
            after = np.empty_like(rows.p)
            days = rows.open_ms // DAY_MS
            for day in np.unique(days).tolist():
                here = days == day
                after[here] = self._learn(day).of(rows.p[here])
            saved = log_loss(rows.p, rows.side) - log_loss(after, rows.side)
            self._saved[known] = float(saved.mean())
        return self._saved[known]

    def _rows(self, known: int) -> _Settled | None:
        """The calls of a day in an order of their own, so that sums come out the same."""
        if new := self._new.pop(known, None):
            if before := self._settled.get(known):
                sides = [PREDS[each] for each in before.side.tolist()]
                p = map(Probabilities._make, before.p.tolist())
                columns = (before.open_ms.tolist(), before.symbols, p, sides)
                new += map(SettledCall, repeat(known * DAY_MS), *columns)
            new.sort(key=lambda call: (call.open_ms, call.symbol))
            given = np.array([call.p for call in new])
            side = np.array([PREDS.index(call.side) for call in new])
            open_ms, symbols = zip(*((call.open_ms, call.symbol) for call in new), strict=True)
            rows = _Settled(np.array(open_ms), symbols, given, side, _sums(given, side))
            self._settled[known] = rows
        return self._settled.get(known)

    def _forget(self, before: int) -> None:
        for held in (self._settled, self._saved):
            for day in [each for each in held if each < before]:
                del held[day]
        for by_day in (self._learned, self._found):
            for day in [each for each in by_day if each < before]:
                del by_day[day]


def settled_calls(calls: ResolvedCalls) -> Iterator[SettledCall]:
    """The same as rows."""
    settled = (calls.open_ms + calls.horizon_ms).tolist()
    symbols = (calls.symbols[each] for each in calls.coin.tolist())
    p = map(Probabilities._make, calls.p.tolist())
    sides = (PREDS[each] for each in calls.label.tolist())
    return map(SettledCall, settled, calls.open_ms.tolist(), symbols, p, sides)


def _sums(p: Floats, side: Ints) -> Floats:
    """[3, 4]: curvature and, in the last column, gradient of the log loss in slope and biases.

    Of probabilities [n, 3] as they are. Sums of columns alone, in the order of the rows: the same
    on every machine.
    """
    logs = np.log(np.maximum(p, _LEAST))
    weighted = p * logs
    mean, short, long = weighted.sum(axis=1), p[:, SHORT], p[:, LONG]
    with_short = (short * (logs[:, SHORT] - mean)).sum()
    with_long = (long * (logs[:, LONG] - mean)).sum()
    both = -(short * long).sum()
    came = logs[np.arange(side.size), side]
    return np.array(
        [
            [(weighted * logs).sum() - (mean * mean).sum(), with_short, with_long, 0.0],
            [with_short, (short - short * short).sum(), both, 0.0],
            [with_long, both, (long - long * long).sum(), 0.0],
        ]
    ) + np.outer(
        [(mean - came).sum(), (short - (side == SHORT)).sum(), (long - (side == LONG)).sum()],
        [0.0, 0.0, 0.0, 1.0],
    )


def _learned(sums: Floats) -> Recalibration:
    """What lowers the log loss, shrunk towards leaving the probabilities as they are.

    One step of Newton's method, which is as good as many where there is little to correct, and
    needs of each day nothing but its sums.
    """
    curvature, gradient = sums[:, :3] + _SHRINK * np.eye(3), sums[:, 3]
    slope, short, long = (_START - np.linalg.solve(curvature, gradient)).tolist()
    return Recalibration(min(max(slope, _SLOPES[0]), _SLOPES[1]), short, long)


def _softmax(logits: Floats) -> Floats:
    odds = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(odds / odds.sum(axis=1, keepdims=True))
