"""How notices become a message: one as it is, a few as lines, a flood as counts and the gravest."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime, tzinfo
from typing import NamedTuple

from crypto_bot.domain.notice import Level, Message, Notice

LINES = 12
"""Notices that a message shows; 4,096 characters is what Telegram takes."""
LONGEST = 280
_NAME = "crypto_bot"


class Entry(NamedTuple):
    """A notice, numbered as it came, and when (UTC ms)."""

    number: int
    at_ms: int
    notice: Notice


def compose(entries: Sequence[Entry], untold: int, zone: tzinfo) -> Message:
    """One message of `entries`, one or more as they came; `untold` were dropped before them.

    Beyond `LINES` it shows the gravest, of those the newest, and counts all by topic.
    """
    level = max(entry.notice.level for entry in entries)
    if len(entries) == 1 and not untold:
        notice = entries[0].notice
        return Message(f"{_NAME}: {notice.topic}", plain(notice.text), level)
    counts = Counter(entry.notice.topic.value for entry in entries)
    shown = sorted(entries, key=lambda entry: (entry.notice.level, entry.number))[-LINES:]
    lines = [_line(entry, zone) for entry in sorted(shown)]
    if len(entries) > len(shown):
        span = f"{_clock(entries[0], zone)} to {_clock(entries[-1], zone)}"
        told = ", ".join(f"{count:,} {topic}" for topic, count in counts.most_common())
        lines.insert(0, f"{span}: {told}")
        lines.append(f"and {len(entries) - len(shown):,} more")
    if untold:
        lines.append(f"dropped before these: {untold:,}")
    return Message(f"{_NAME}: {len(entries):,} notices", "\n".join(lines), level)


def plain(text: str) -> str:
    """In one line without control characters, and not too long."""
    line = " ".join("".join(char if char.isprintable() else " " for char in text).split())
    return line if len(line) <= LONGEST else f"{line[: LONGEST - 1]}…"


def _line(entry: Entry, zone: tzinfo) -> str:
    mark = "" if entry.notice.level is Level.INFO else f"{entry.notice.level.name} "
    return f"{_clock(entry, zone)} {mark}{plain(entry.notice.text)}"


def _clock(entry: Entry, zone: tzinfo) -> str:
    return f"{datetime.fromtimestamp(entry.at_ms // 1000, zone):%H:%M:%S}"
