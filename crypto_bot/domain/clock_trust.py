"""How far an exchange's clock is believed: bounded, and checked against its own candles."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from crypto_bot.domain.instant import DAY_MS
from crypto_bot.domain.stamp import impossible
from crypto_bot.domain.timeframe import Timeframe

BOUND_MS = 30_000
"""A machine whose clock is kept by NTP is off by much less."""
_AGREE_MS = 5_000
"""Readings that differ by more contradict each other."""


class Reading(NamedTuple):
    """One reading of the exchange's time: `offset_ms` from the engine's clock, and its duration."""

    trip_ms: int
    offset_ms: int


class Evidence(NamedTuple):
    """What an exchange shows of its time at `now_ms` of the engine's clock.

    `readings`: of its clock, none where it shows none. `newest_open_ms`: of the newest candle of
    some coins; None where there is none.
    """

    now_ms: int
    readings: Sequence[Reading]
    newest_open_ms: int | None


class ClockTrust:
    """The offset of the engine's clock from the machine's, in ms, and what is wrong with it.

    A new offset is taken if it lies within `BOUND_MS`, if readings agree, if it does not jump and
    if it fits the exchange's newest candle, which opens before now and closes after it. Otherwise
    the last good one is kept. An offset beyond the bound is taken if the candles say that it is the
    machine which is wrong; that remains a problem.
    """

    def __init__(self, timeframe: Timeframe) -> None:
        self._timeframe = timeframe
        self._last_ms: int | None = None
        self._good_ms: int | None = None
        self.offset_ms = 0
        self.doubt_ms = 0
        """How far the engine's clock may be ahead: of the machine's, or of the exchange's."""
        self.problem: str | None = None
        """One sentence, where the clocks are not trusted."""

    def weigh(self, evidence: Evidence) -> int:
        """Takes or refuses what `evidence` says; by how much the engine's clock is to be moved."""
        kept_ms = self.offset_ms
        if not evidence.readings:
            fits = self._fits(kept_ms, evidence)
            self.problem = None if fits else "the exchange's newest candle opens after now"
            return 0
        read_ms = kept_ms + min(evidence.readings).offset_ms
        wrong = _misread(evidence)
        if wrong is None:
            wrong = self._refused(read_ms, evidence)
            self._last_ms = read_ms
            self.doubt_ms = max(0, self.offset_ms - min(0, self.offset_ms, read_ms))
        if wrong is None or self.problem is None or _kind(wrong) != _kind(self.problem):
            self.problem = wrong  # otherwise the same as before, but for a second
        return self.offset_ms - kept_ms

    def _refused(self, read_ms: int, evidence: Evidence) -> str | None:
        """Why the offset `read_ms` is not trusted; sets what is used."""
        apart = f"{abs(read_ms) / 1000:.0f} s {'ahead of' if read_ms > 0 else 'behind'}"
        machine_fits = self._fits(0, evidence)
        read_fits = self._fits(read_ms, evidence) or not machine_fits
        if abs(read_ms) > BOUND_MS:
            is_known = abs(read_ms - self.offset_ms) <= _AGREE_MS
            if not self._fits(read_ms, evidence) or (machine_fits and not is_known):
                return f"the exchange's time is {apart} the machine's, its candles are not"
            self.offset_ms = read_ms
            return f"the exchange and its candles are {apart} the machine's clock: set that clock"
        if not read_fits:
            return f"the exchange's time is {apart} the machine's, which its candles fit"
        if self._jumps(read_ms):
            return f"the exchange's time jumped: it is {apart} the machine's"
        self.offset_ms = self._good_ms = read_ms
        return None

    def _jumps(self, read_ms: int) -> bool:
        """Whether it is far from the last good offset, for the first time."""
        if self._good_ms is None or self._last_ms is None:
            return False
        return min(abs(read_ms - self._good_ms), abs(read_ms - self._last_ms)) > _AGREE_MS

    def _fits(self, offset_ms: int, evidence: Evidence) -> bool:
        if evidence.newest_open_ms is None:
            return True
        at_ms = evidence.now_ms - self.offset_ms + offset_ms
        since_ms = evidence.newest_open_ms
        return since_ms - _AGREE_MS <= at_ms < self._timeframe.close_of(since_ms) + _AGREE_MS


def _misread(evidence: Evidence) -> str | None:
    """Why the readings are no times, or not one time."""
    trips_ms = max(reading.trip_ms for reading in evidence.readings)
    offsets = [reading.offset_ms for reading in evidence.readings]
    if max(map(abs, offsets)) > DAY_MS:
        read_ms = evidence.now_ms + min(evidence.readings).offset_ms
        why = impossible(read_ms, evidence.now_ms + DAY_MS)
        return f"the exchange's time is wrong: {why or f'{read_ms} ms is more than a day from now'}"
    spread_ms = max(offsets) - min(offsets)
    if spread_ms > _AGREE_MS + trips_ms:
        return f"readings of the exchange's time differ by {spread_ms / 1000:.0f} s"
    return None


def _kind(problem: str) -> str:
    """A sentence without its figures."""
    return re.sub(r"[0-9]+", "", problem)
