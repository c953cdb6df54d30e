"""Quiet hours in a time zone."""

from datetime import UTC, datetime

import pytest

from crypto_bot.domain.errors import ConfigError
from crypto_bot.domain.notice import QuietHours


def at_ms(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)


@pytest.mark.parametrize(
    ("span", "zone", "at", "quiet"),
    [
        ("22:00-07:00", "UTC", "2025-12-01T21:59:59", False),
        ("22:00-07:00", "UTC", "2025-12-01T22:00:00", True),
        ("22:00-07:00", "UTC", "2025-12-01T00:30:00", True),
        ("22:00-07:00", "UTC", "2025-12-01T06:59:59", True),
        ("22:00-07:00", "UTC", "2025-12-01T07:00:00", False),
        ("12:30-13:30", "UTC", "2025-12-01T13:00:00", True),
        ("12:30-13:30", "UTC", "2025-12-01T12:00:00", False),
        ("22:00-07:00", "Europe/Berlin", "2025-12-01T21:00:00", True),  # UTC+1 in winter
        ("22:00-07:00", "Europe/Berlin", "2025-12-01T20:59:00", False),
        ("22:00-07:00", "Europe/Berlin", "2025-07-01T20:00:00", True),  # UTC+2 in summer
        ("22:00-07:00", "Asia/Kolkata", "2025-12-01T16:30:00", True),  # UTC+5:30
        ("22:00-07:00", "Asia/Kolkata", "2025-12-01T16:29:00", False),
    ],
)
def test_quiet_hours(span: str, zone: str, at: str, *, quiet: bool) -> None:
    assert QuietHours.parse(span, zone).covers(at_ms(at)) is quiet


@pytest.mark.parametrize(
    ("span", "zone", "expected"),
    [
        ("late", "UTC", "'late' are not a time span"),
        ("22:00", "UTC", "'22:00' are not a time span"),
        ("25:00-07:00", "UTC", "'25:00-07:00' are not a time span"),
        ("07:00-07:00", "UTC", "are empty"),
        ("22:00-07:00", "Mars/Olympus", "no time zone 'Mars/Olympus'"),
        ("22:00-07:00", "../../etc/passwd", "no time zone"),
        ("22:00-07:00", "", "no time zone ''"),
    ],
)
def test_invalid_quiet_hours(span: str, zone: str, expected: str) -> None:
    with pytest.raises(ConfigError, match=expected):
        QuietHours.parse(span, zone)
