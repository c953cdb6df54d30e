"""Instants: units of time in milliseconds, and UTC milliseconds as text."""

from __future__ import annotations

from datetime import UTC, datetime

MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS
DAY_MS = 24 * HOUR_MS


def instant(at_ms: int) -> str:
    """ISO-8601 in UTC with milliseconds, e.g. `2025-12-01T00:15:02.113Z`."""
    at = datetime.fromtimestamp(at_ms // 1000, UTC).replace(microsecond=at_ms % 1000 * 1000)
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
