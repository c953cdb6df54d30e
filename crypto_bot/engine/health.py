"""The health of the engine and its overall status."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from textwrap import shorten
from typing import NamedTuple

from crypto_bot.domain.instant import instant
from crypto_bot.domain.timeframe import Timeframe

_LONGEST_PROBLEM = 160
"""Some exchanges answer with a page of HTML."""


class Status(StrEnum):
    """The overall status."""

    STARTING = "starting"
    RUNNING = "running"
    DEGRADED = "degraded"
    STOPPED = "stopped"


class Loading(NamedTuple):
    """How far the first round is: coins with their history, and candles of the record.

    `left_s`: seconds that the first of the two that is not complete will take; None: not known yet.
    """

    histories: int
    coins: int
    candles: int
    of_candles: int
    left_s: float | None = None

    @property
    def words(self) -> str:
        """Such as `history 32 of 32, record 40 of 96, about 12 s left`."""
        record = f"record {self.candles:,} of {self.of_candles:,}"
        left = "" if self.left_s is None else f", about {self.left_s:.0f} s left"
        return f"history {self.histories} of {self.coins}, {record}{left}"


class Pace:
    """The time left of a `Loading`, at the pace at which its step has gone on so far.

    `timer` returns seconds.
    """

    def __init__(self, timer: Callable[[], float]) -> None:
        self._timer = timer
        self._began: tuple[bool, float, int] | None = None

    def of(self, loading: Loading) -> Loading:
        """`loading` with its time left."""
        of_record = loading.histories >= loading.coins
        done, total = loading[2:4] if of_record else loading[:2]
        now_s = self._timer()
        if self._began is None or self._began[0] != of_record:
            self._began = of_record, now_s, done
        _, began_s, before = self._began
        if done <= before or done >= total:
            return loading
        return loading._replace(left_s=(now_s - began_s) * (total - done) / (done - before))


@dataclass(frozen=True, slots=True)
class Health:
    """What is known at one moment, as instants in UTC ms; None is "not yet" or "not so"."""

    started_ms: int
    stopped_ms: int | None = None
    last_cycle_ms: int | None = None
    """When the newest cycle was committed."""
    last_open_ms: int | None = None
    """The newest candle that has signals."""
    owed_candles: int = 0
    """Closed candles without a signal yet, over all the coins."""
    oldest_owed_open_ms: int | None = None
    exchange_down_since_ms: int | None = None
    exchange_problem: str | None = None
    """Why it is down."""
    clock_problem: str | None = None
    """Why the exchange's clock, or the machine's, is not trusted."""
    loading: Loading | None = None
    """While the first round goes on."""
    halted: tuple[str, ...] = ()
    """Of coins that do not trade, or whose candles are held: a sentence for each."""


@dataclass(frozen=True, slots=True)
class HealthReport:
    """The verdict on a `Health`. `reasons` name instants and counts: they change with the state."""

    status: Status
    reasons: tuple[str, ...]
    health: Health
    lag_ms: int | None
    """How long the next signals are overdue; 0 while they are not due, None before the first."""


def assess(health: Health, now_ms: int, timeframe: Timeframe, patience_ms: int) -> HealthReport:
    """RUNNING while the newest closed candle of every coin has its signal.

    A candle may take `patience_ms` after its close. Until the first cycle the engine is STARTING,
    whatever holds it up; the reasons are reported all the same.
    """
    newest_ms = health.last_open_ms
    due_ms = None if newest_ms is None else timeframe.close_of(newest_ms) + timeframe.ms
    reasons = _reasons(health, now_ms, timeframe, patience_ms)
    if health.stopped_ms is not None:
        status = Status.STOPPED
    elif due_ms is None:
        status = Status.STARTING
    else:
        status = Status.DEGRADED if reasons else Status.RUNNING
    lag_ms = None if due_ms is None else max(0, now_ms - due_ms)
    return HealthReport(status, reasons, health, lag_ms)


def _reasons(
    health: Health, now_ms: int, timeframe: Timeframe, patience_ms: int
) -> tuple[str, ...]:
    if health.stopped_ms is not None:
        return (f"stopped at {instant(health.stopped_ms)}",)
    reasons = []
    is_down = health.exchange_down_since_ms is not None
    if health.exchange_down_since_ms is not None:
        problem = shorten(health.exchange_problem or "", _LONGEST_PROBLEM, placeholder=" …")
        why = f": {problem}" if problem else ""
        reasons.append(f"the exchange is down since {instant(health.exchange_down_since_ms)}{why}")
    if health.clock_problem is not None:
        reasons.append(health.clock_problem)
    if health.last_open_ms is None:
        far = "" if health.loading is None else f": {health.loading.words}"
        reasons.append(f"no signals yet; started at {instant(health.started_ms)}{far}")
    elif (
        not is_down  # an outage is one thing, and what follows from it no other
        and now_ms > timeframe.close_of(health.last_open_ms) + timeframe.ms + patience_ms
    ):
        reasons.append(
            f"signals are behind: the newest are of the candle of {instant(health.last_open_ms)}"
        )
    oldest_ms = health.oldest_owed_open_ms
    is_owed = oldest_ms is not None and now_ms > timeframe.close_of(oldest_ms) + patience_ms
    if oldest_ms is not None and is_owed and not is_down:
        reasons.append(
            f"{health.owed_candles} candles have no signal, the oldest of {instant(oldest_ms)}"
        )
    reasons += health.halted
    return tuple(reasons)
