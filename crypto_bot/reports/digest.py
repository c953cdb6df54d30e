"""Messages from notices: a single one, a list, or a digest with counts and the most severe."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime, tzinfo
from typing import NamedTuple

from crypto_bot.domain.notice import Level, Message, Notice, Topic

LINES = 12
"""Maximum number of notices in a message; Telegram accepts 4,096 characters."""
LONGEST = 280
_NAME = "crypto_bot"
_FREQUENT = {Topic.SIGNAL, Topic.FILL}


class Entry(NamedTuple):
    """A notice with its number in order of arrival, and its time (UTC ms)."""

    number: int
    at_ms: int
    notice: Notice


def compose(entries: Sequence[Entry], dropped: int, zone: tzinfo) -> Message:
    """One message of one or more `entries` in order; `dropped` were dropped before them.

    Beyond `LINES` it shows the most severe, of these what is not said at every candle, then the
    newest, and counts all by topic.
    """
    level = max(entry.notice.level for entry in entries)
    if len(entries) == 1 and not dropped:
        notice = entries[0].notice
        return Message(f"{_NAME}: {notice.topic}", plain(notice.text), level)
    counts = Counter(entry.notice.topic.value for entry in entries)
    shown = sorted(entries, key=_rank)[-LINES:]
    lines = [_line(entry, zone) for entry in sorted(shown)]
    if len(entries) > len(shown):
        span = f"{_clock(entries[0], zone)} to {_clock(entries[-1], zone)}"
        counted = ", ".join(f"{count:,} {topic}" for topic, count in counts.most_common())
        lines.insert(0, f"{span}: {counted}")
        lines.append(f"and {len(entries) - len(shown):,} more")
    if dropped:
        lines.append(f"dropped before these: {dropped:,}")
    return Message(f"{_NAME}: {len(entries):,} notices", "\n".join(lines), level)


def _rank(entry: Entry) -> tuple[Level, bool, int]:
    return entry.notice.level, entry.notice.topic not in _FREQUENT, entry.number


def plain(text: str) -> str:
    """`text` as one line without control characters, cut at `LONGEST`."""
    line = " ".join("".join(char if char.isprintable() else " " for char in text).split())
    return line if len(line) <= LONGEST else f"{line[: LONGEST - 1]}…"


def _line(entry: Entry, zone: tzinfo) -> str:
    mark = "" if entry.notice.level is Level.INFO else f"{entry.notice.level.name} "
    return f"{_clock(entry, zone)} {mark}{plain(entry.notice.text)}"


def _clock(entry: Entry, zone: tzinfo) -> str:
    return f"{datetime.fromtimestamp(entry.at_ms // 1000, zone):%H:%M:%S}"
