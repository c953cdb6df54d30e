"""The circuit breaker: whether the exchange is up, judged from all requests together."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(slots=True)
class Breaker:
    """A state machine without a clock: every call is given the time.

    Closed, it lets requests pass; open, the exchange is down and one probe passes in each interval.
    It opens after `streak_ms` of failures only, at least `failures` of them, that concern at least
    `quorum` coins or the exchange as a whole. One coin that cannot be served does not open it.
    """

    quorum: int = 1
    failures: int = 12
    streak_ms: int = 2_000
    probe_ms: int = 5_000
    down_since_ms: int | None = None
    """The first failure of the streak that opened it; None while it is closed."""
    _count: int = 0
    _since_ms: int = 0
    _probed_ms: int = 0
    _subjects: set[str | None] = field(default_factory=set)

    def admits(self, now_ms: int) -> bool:
        """Whether a request may be sent now. While open: one probe in each interval."""
        if self.down_since_ms is None:
            return True
        # After the clock was set back the last probe lies in the future, which must not block.
        if 0 <= now_ms - self._probed_ms < self.probe_ms:
            return False
        self._probed_ms = now_ms
        return True

    def failed(self, subject: str | None, now_ms: int) -> bool:
        """Counts a failure of coin `subject`, or of the exchange itself (None).

        True when this failure opened it.
        """
        if self.down_since_ms is not None:
            return False
        if self._count == 0 or now_ms < self._since_ms:
            self._since_ms = now_ms
        self._count += 1
        self._subjects.add(subject)
        spread = None in self._subjects or len(self._subjects) >= self.quorum
        if not spread or self._count < self.failures or now_ms - self._since_ms < self.streak_ms:
            return False
        self.down_since_ms = self._since_ms
        self._probed_ms = now_ms
        return True

    def succeeded(self, now_ms: int) -> int | None:
        """Ends the streak. How long the exchange was down (ms) when this closed it, else None."""
        since_ms, self.down_since_ms = self.down_since_ms, None
        self._count = 0
        self._subjects.clear()
        return None if since_ms is None else max(0, now_ms - since_ms)
