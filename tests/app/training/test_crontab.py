"""Cron expressions mean what they mean to cron."""

from datetime import UTC, datetime, timedelta

import pytest

from crypto_bot.app.training.crontab import crontab_trigger

MONDAY = datetime(2026, 6, 1, tzinfo=UTC)


def due(expression: str, days: int) -> list[datetime]:
    """The instants of the `days` from Monday, 2026-06-01, at which `expression` is due."""
    trigger, found, now = crontab_trigger(expression), [], MONDAY
    while (at := trigger.get_next_fire_time(None, now)) and at < MONDAY + timedelta(days=days):
        found.append(at)
        now = at + timedelta(microseconds=1)
    return found


@pytest.mark.parametrize(
    ("field", "days"),
    [
        ("*", "Mon Tue Wed Thu Fri Sat Sun"),
        ("0-5", "Mon Tue Wed Thu Fri Sun"),
        ("1-5", "Mon Tue Wed Thu Fri"),
        ("5-7", "Fri Sat Sun"),
        ("fri-sun", "Fri Sat Sun"),
        ("Mon-FRI", "Mon Tue Wed Thu Fri"),
        ("0", "Sun"),
        ("7", "Sun"),
        ("0,3,sat", "Wed Sat Sun"),
        ("*/2", "Tue Thu Sat Sun"),
        ("1-5/2", "Mon Wed Fri"),
        ("4/2", "Thu Sat"),
        ("1-2,5-6", "Mon Tue Fri Sat"),
    ],
)
def test_days_of_the_week(field: str, days: str) -> None:
    found = due(f"30 3 * * {field}", 7)
    assert [f"{at:%a}" for at in found] == days.split()
    assert {(at.hour, at.minute) for at in found} == {(3, 30)}


@pytest.mark.parametrize(
    ("expression", "times"),
    [
        ("0-10/5,59 4 1 * *", ["01 04:00", "01 04:05", "01 04:10", "01 04:59"]),
        ("0 */8 2 jun *", ["02 00:00", "02 08:00", "02 16:00"]),
        ("0 0 1-3 jan-jun *", ["01 00:00", "02 00:00", "03 00:00"]),
        ("0 0 3 7 *", []),
        # Day of month and day of week both restricted: either is enough.
        ("0 0 3 * fri", ["03 00:00", "05 00:00"]),
    ],
)
def test_the_other_fields(expression: str, times: list[str]) -> None:
    assert [f"{at:%d %H:%M}" for at in due(expression, 7)] == times


@pytest.mark.parametrize(
    "expression",
    [
        "",
        "every Sunday",
        "0 3 * *",
        "0 3 * * * *",
        "60 3 * * *",
        "0 24 * * *",
        "0 3 32 * *",
        "0 3 * 13 *",
        "0 3 * * 8",
        "0 3 * * 5-2",
        "0 3 * * */0",
        "0 3 * * noday",
        "0 3 * * foo",
        "0 3 * * 1,",
    ],
)
def test_anything_else_is_refused(expression: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - each in its own words
        crontab_trigger(expression)
