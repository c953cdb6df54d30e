"""Notifications to people."""

from __future__ import annotations

from typing import NamedTuple, Protocol

from crypto_bot.domain.notice import Notice


class ChannelCounts(NamedTuple):
    """Counts of the notices for one receiver since the start."""

    channel: str
    """Its number and its service; nothing of its address."""
    sent: int
    dropped: int
    waiting: int
    is_up: bool
    """Whether it took the newest message, or none was sent yet."""


class Notifier(Protocol):
    """Notifies people. Safe to call from any thread."""

    def notify(self, notice: Notice) -> None:
        """Queues `notice` for delivery. Never raises, never waits."""

    def counts(self) -> list[ChannelCounts]:
        """One for each receiver."""
