"""Notices to people: topic, severity, and quiet hours."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, time, tzinfo
from enum import IntEnum, StrEnum
from typing import NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from crypto_bot.domain.errors import ConfigError


class Level(IntEnum):
    """Severity."""

    INFO = 1
    WARNING = 2
    ALARM = 3


class Topic(StrEnum):
    """The subject of a notice."""

    SIGNAL = "signal"
    FILL = "fill"
    EXCHANGE = "exchange"
    MODEL = "model"
    BREAKER = "breaker"
    ENGINE = "engine"


class Notice(NamedTuple):
    """One notice, a line of plain text without secrets."""

    topic: Topic
    level: Level
    text: str


class Message(NamedTuple):
    """A message to a receiver: one notice, or many as a digest."""

    title: str
    body: str
    level: Level


@dataclass(frozen=True, slots=True)
class QuietHours:
    """A daily time span in a time zone; may span midnight; excludes its end."""

    start: time
    end: time
    zone: tzinfo = UTC

    @classmethod
    def parse(cls, text: str, zone: str) -> QuietHours:
        """`22:00-07:00` in `Europe/Berlin`. Raises ConfigError."""
        first, _, last = text.partition("-")
        try:
            start, end = (time.fromisoformat(each.strip()) for each in (first, last))
        except ValueError as error:
            raise ConfigError(
                f"quiet hours '{text}' are not a time span such as 22:00-07:00"
            ) from error
        if start == end:
            raise ConfigError(f"quiet hours '{text}' are empty: write a span such as 22:00-07:00")
        return cls(start, end, zone_of(zone))

    def covers(self, at_ms: int) -> bool:
        """Whether `at_ms` (UTC) is within the quiet hours."""
        at = datetime.fromtimestamp(at_ms / 1000, self.zone).time()
        if self.start < self.end:
            return self.start <= at < self.end
        return at >= self.start or at < self.end


def zone_of(name: str) -> tzinfo:
    """The time zone of this IANA name. Raises ConfigError."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ConfigError(
            f"there is no time zone '{name}': use UTC or a name such as Europe/Berlin"
        ) from error
