"""Notices to people: topic, severity and quiet hours."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, time, tzinfo
from enum import IntEnum, StrEnum
from typing import NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from crypto_bot.domain.errors import ConfigError


class Level(IntEnum):
    """Severity: for information, to be looked at, to be looked at now."""

    INFO = 1
    WARNING = 2
    ALARM = 3


class Topic(StrEnum):
    """What a notice is about."""

    SIGNAL = "signal"
    FILL = "fill"
    EXCHANGE = "exchange"
    MODEL = "model"
    BREAKER = "breaker"
    ENGINE = "engine"


class Notice(NamedTuple):
    """One notice, in one line of plain text without secrets."""

    topic: Topic
    level: Level
    text: str


class Message(NamedTuple):
    """A message to a receiver: one notice, or a digest of many."""

    title: str
    body: str
    level: Level


@dataclass(frozen=True, slots=True)
class QuietHours:
    """A daily interval in a time zone; it may span midnight and excludes its end."""

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
                f"quiet hours '{text}' are no span of a day: write 22:00-07:00"
            ) from error
        if start == end:
            raise ConfigError(f"quiet hours '{text}' begin where they end: write 22:00-07:00")
        return cls(start, end, zone_of(zone))

    def covers(self, at_ms: int) -> bool:
        """Whether `at_ms` (UTC) lies in them."""
        at = datetime.fromtimestamp(at_ms / 1000, self.zone).time()
        if self.start < self.end:
            return self.start <= at < self.end
        return at >= self.start or at < self.end


def zone_of(name: str) -> tzinfo:
    """The time zone of that name in the IANA database. Raises ConfigError."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ConfigError(
            f"there is no time zone '{name}': write UTC or a name such as Europe/Berlin"
        ) from error
