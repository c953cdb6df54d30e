"""What one receiver has yet to be told, and when: company, floods, quiet hours, failures."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from datetime import UTC, tzinfo
from heapq import merge

from crypto_bot.domain.instant import MINUTE_MS
from crypto_bot.domain.notice import Level, Message, Notice, QuietHours
from crypto_bot.reports.digest import Entry, compose

CAPACITY = 1_000
"""Notices that wait at the same time; beyond it the oldest of the lowest level go."""
GATHER_MS = 2_000
"""A notice waits so long for company: the signals of one close become one message."""
PER_MINUTE = 3
"""Messages in any minute. What comes beyond waits, and is one digest when the minute is over."""
KEEP_MS = 6 * 3_600_000
"""What a failing receiver was not told in this time is dropped."""
LOOK_AGAIN_MS = 30_000
"""In quiet hours the clock is looked at so often."""
_FIRST_RETRY_MS = 2_000
_LONGEST_RETRY_MS = 300_000


@dataclass(frozen=True, slots=True)
class Rules:
    """What a receiver wants to hear, and when: ALARM is told in quiet hours too."""

    level: Level = Level.INFO
    quiet: QuietHours | None = None
    zone: tzinfo = UTC
    """In which a digest tells the time."""


class Outbox:
    """A state machine without a clock: every call says what time it is, in UTC ms.

    `take` hands out a message, then `delivered` or `failed` says what became of it: what failed
    waits again, together with what has come since, for twice as long each time.
    """

    def __init__(self, rules: Rules) -> None:
        self._rules = rules
        self._waiting: dict[Level, deque[Entry]] = {level: deque() for level in Level}
        self._under_way: list[Entry] = []
        self._number = 0
        self._sent_ms: deque[int] = deque(maxlen=PER_MINUTE + 1)
        self._attempts = 0
        self._retry_ms = 0
        self._untold = 0
        self.sent = 0
        """Notices that were delivered."""
        self.dropped = 0
        """Notices that nobody will ever be told."""

    @property
    def waiting(self) -> int:
        """Notices that are not under way."""
        return sum(map(len, self._waiting.values()))

    @property
    def is_failing(self) -> bool:
        """Whether the newest attempt failed."""
        return self._attempts > 0

    def put(self, notice: Notice, now_ms: int) -> None:
        """Takes `notice` in; one below the level of the rules is nobody's."""
        if notice.level < self._rules.level:
            return
        self._number += 1
        self._waiting[notice.level].append(Entry(self._number, now_ms, notice))
        self._make_room()

    def wait_ms(self, now_ms: int) -> int | None:
        """How long until something may be due: 0 is now, None is until something is put."""
        if not self.waiting:
            return None
        ready = self._ready(now_ms)
        if not ready:
            return LOOK_AGAIN_MS
        gathered_ms = min(entry.at_ms for entry in ready) + GATHER_MS
        due_ms = max(gathered_ms, self._retry_ms, self._allowed_ms(ready))
        return min(max(0, due_ms - now_ms), LOOK_AGAIN_MS)

    def take(self, now_ms: int) -> Message | None:
        """All that may be told at `now_ms` as one message, however soon; None where nothing may."""
        self._under_way = self._ready(now_ms)
        if not self._under_way:
            return None
        for level in {entry.notice.level for entry in self._under_way}:
            self._waiting[level].clear()
        return compose(self._under_way, self._untold, self._rules.zone)

    def delivered(self, now_ms: int) -> None:
        """The message that was taken has arrived."""
        self.sent += len(self._under_way)
        self._under_way = []
        self._untold = 0
        self._attempts = self._retry_ms = 0
        self._sent_ms.append(now_ms)

    def failed(self, now_ms: int) -> None:
        """It has not: what it told waits again, unless it is too old by now."""
        fresh = [entry for entry in self._under_way if now_ms - entry.at_ms <= KEEP_MS]
        self._drop(len(self._under_way) - len(fresh))
        self._under_way = []
        for level, waiting in self._waiting.items():
            again = [entry for entry in fresh if entry.notice.level is level]
            waiting.extendleft(reversed(again))
        self._make_room()
        wait_ms = min(_LONGEST_RETRY_MS, _FIRST_RETRY_MS << min(self._attempts, 16))
        self._attempts += 1
        self._retry_ms = now_ms + wait_ms

    def abandon(self) -> None:
        """Drops what waits: its receiver will be told nothing more."""
        self._drop(self.waiting)
        for waiting in self._waiting.values():
            waiting.clear()

    def _ready(self, now_ms: int) -> list[Entry]:
        """What may be told at `now_ms`, as it came."""
        quiet = self._rules.quiet
        hushed = quiet is not None and quiet.covers(now_ms)
        return list(
            merge(*([self._waiting[Level.ALARM]] if hushed else list(self._waiting.values())))
        )

    def _allowed_ms(self, ready: list[Entry]) -> int:
        """When the minute has room for another message; it always has for one with an alarm."""
        alarm = any(entry.notice.level is Level.ALARM for entry in ready)
        room = PER_MINUTE + alarm
        if len(self._sent_ms) < room:
            return 0
        return self._sent_ms[-room] + MINUTE_MS

    def _make_room(self) -> None:
        while self.waiting > CAPACITY:
            next(waiting for _, waiting in sorted(self._waiting.items()) if waiting).popleft()
            self._drop(1)

    def _drop(self, count: int) -> None:
        self.dropped += count
        self._untold += count
