"""The queue of notices for one receiver: batching, rate limit, quiet hours and retries."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from datetime import UTC, tzinfo
from heapq import merge

from crypto_bot.domain.instant import MINUTE_MS
from crypto_bot.domain.notice import Level, Message, Notice, QuietHours
from crypto_bot.reports.digest import Entry, compose

CAPACITY = 1_000
"""Maximum number of waiting notices; beyond it the oldest of the lowest level are dropped."""
GATHER_MS = 2_000
"""Batching delay, so that the signals of one close become one message."""
PER_MINUTE = 3
"""Maximum number of messages in any minute; later notices wait for one digest."""
KEEP_MS = 6 * 3_600_000
"""Notices that could not be delivered in this time are dropped."""
CHECK_MS = 30_000
"""Interval of clock checks in quiet hours."""
_FIRST_RETRY_MS = 2_000
_LONGEST_RETRY_MS = 300_000


@dataclass(frozen=True, slots=True)
class Rules:
    """Minimum level and quiet hours of a receiver; ALARM is sent in quiet hours too."""

    level: Level = Level.INFO
    quiet: QuietHours | None = None
    zone: tzinfo = UTC
    """Time zone of a digest."""


class Outbox:
    """A state machine without a clock: every call gets the time, in UTC ms.

    `take` returns a message; `delivered` or `failed` must then report its result. Failed notices
    are retried together with newer ones, after twice the delay each time.
    """

    def __init__(self, rules: Rules) -> None:
        self._rules = rules
        self._waiting: dict[Level, deque[Entry]] = {level: deque() for level in Level}
        self._under_way: list[Entry] = []
        self._number = 0
        self._sent_ms: deque[int] = deque(maxlen=PER_MINUTE + 1)
        self._attempts = 0
        self._retry_ms = 0
        self._dropped_since = 0
        self.sent = 0
        """Notices that were delivered."""
        self.dropped = 0
        """Notices that will never be delivered."""

    @property
    def waiting(self) -> int:
        """Number of notices that are not being sent."""
        return sum(map(len, self._waiting.values()))

    @property
    def is_failing(self) -> bool:
        """Whether the newest attempt failed."""
        return self._attempts > 0

    def put(self, notice: Notice, now_ms: int) -> None:
        """Queues `notice` unless it is below the level of the rules."""
        if notice.level < self._rules.level:
            return
        self._number += 1
        self._waiting[notice.level].append(Entry(self._number, now_ms, notice))
        self._limit()

    def wait_ms(self, now_ms: int) -> int | None:
        """Time until something may be due: 0 is now, None until the next `put`."""
        if not self.waiting:
            return None
        ready = self._ready(now_ms)
        if not ready:
            return CHECK_MS
        gathered_ms = min(entry.at_ms for entry in ready) + GATHER_MS
        due_ms = max(gathered_ms, self._retry_ms, self._allowed_ms(ready))
        return min(max(0, due_ms - now_ms), CHECK_MS)

    def take(self, now_ms: int) -> Message | None:
        """Everything that may be sent at `now_ms` as one message; None if there is nothing."""
        self._under_way = self._ready(now_ms)
        if not self._under_way:
            return None
        for level in {entry.notice.level for entry in self._under_way}:
            self._waiting[level].clear()
        return compose(self._under_way, self._dropped_since, self._rules.zone)

    def delivered(self, now_ms: int) -> None:
        """Reports that the taken message was delivered."""
        self.sent += len(self._under_way)
        self._under_way = []
        self._dropped_since = 0
        self._attempts = self._retry_ms = 0
        self._sent_ms.append(now_ms)

    def failed(self, now_ms: int) -> None:
        """Reports that delivery failed: its notices wait again unless they are too old."""
        fresh = [entry for entry in self._under_way if now_ms - entry.at_ms <= KEEP_MS]
        self._drop(len(self._under_way) - len(fresh))
        self._under_way = []
        for level, waiting in self._waiting.items():
            again = [entry for entry in fresh if entry.notice.level is level]
            waiting.extendleft(reversed(again))
        self._limit()
        wait_ms = min(_LONGEST_RETRY_MS, _FIRST_RETRY_MS << min(self._attempts, 16))
        self._attempts += 1
        self._retry_ms = now_ms + wait_ms

    def abandon(self) -> None:
        """Drops all waiting notices; nothing more is sent to the receiver."""
        self._drop(self.waiting)
        for waiting in self._waiting.values():
            waiting.clear()

    def _ready(self, now_ms: int) -> list[Entry]:
        """Notices that may be sent at `now_ms`, in order of arrival."""
        quiet = self._rules.quiet
        is_quiet = quiet is not None and quiet.covers(now_ms)
        return list(
            merge(*([self._waiting[Level.ALARM]] if is_quiet else list(self._waiting.values())))
        )

    def _allowed_ms(self, ready: list[Entry]) -> int:
        """The time from which another message is allowed; one more for an alarm."""
        alarm = any(entry.notice.level is Level.ALARM for entry in ready)
        allowed = PER_MINUTE + alarm
        if len(self._sent_ms) < allowed:
            return 0
        return self._sent_ms[-allowed] + MINUTE_MS

    def _limit(self) -> None:
        while self.waiting > CAPACITY:
            next(waiting for _, waiting in sorted(self._waiting.items()) if waiting).popleft()
            self._drop(1)

    def _drop(self, count: int) -> None:
        self.dropped += count
        self._dropped_since += count
