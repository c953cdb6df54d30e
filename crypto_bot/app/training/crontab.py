"""Cron expressions as triggers of the scheduler, with cron's own meaning."""

from __future__ import annotations

import re
from datetime import UTC

from apscheduler.triggers.base import BaseTrigger
from apscheduler.triggers.combining import OrTrigger
from apscheduler.triggers.cron import CronTrigger

_DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_PART = re.compile(
    r"(?:\*|(?P<first>[0-7]|[a-z]{3})(?:-(?P<last>[0-7]|[a-z]{3}))?)(?:/(?P<step>\d+))?"
)


def crontab_trigger(expression: str) -> BaseTrigger:
    """When `expression` (minute, hour, day of month, month, day of week; UTC) is due.

    Raises ValueError for anything but a cron expression.

    Two things differ between cron and APScheduler: cron counts the days of a week from Sunday
    (0 and 7), the scheduler from Monday; and where both the day of month and the day of week are
    restricted, cron runs on the days that match either of them.
    """
    fields = expression.split()
    if len(fields) != 5:
        raise ValueError(f"{len(fields)} fields where five are needed")
    *time_of_day, day, month, weekday = fields
    weekday = _weekdays(weekday)

    def trigger(day: str, weekday: str) -> BaseTrigger:
        text = " ".join((*time_of_day, day, month, weekday))
        return CronTrigger.from_crontab(text, timezone=UTC)

    if day.startswith("*") or fields[4].startswith("*"):
        return trigger(day, weekday)
    return OrTrigger([trigger(day, "*"), trigger("*", weekday)])


def _weekdays(field: str) -> str:
    """A field such as `0-5` or `fri-sun` or `*/2` as a list of names, which both count alike."""
    if field == "*":
        return field
    days: set[int] = set()
    for text in field.lower().split(","):
        part = _PART.fullmatch(text)
        if part is None:
            raise ValueError(f"'{text}' is no day of the week")
        step = int(part["step"] or 1)
        first = 0 if part["first"] is None else _number(part["first"])
        last = 6 if part["first"] is None or (part["step"] and not part["last"]) else first
        if part["last"] is not None:
            last = _number(part["last"])
            if last == 0 < first:
                last = 7
        if step == 0 or first > last:
            raise ValueError(f"'{text}' is no range of days of the week")
        days.update(number % 7 for number in range(first, last + 1, step))
    return ",".join(_DAYS[number] for number in sorted(days))


def _number(day: str) -> int:
    """0 or 7 for Sunday to 6 for Saturday."""
    if day.isdecimal():
        return int(day)
    if day not in _DAYS:
        raise ValueError(f"'{day}' is no day of the week")
    return _DAYS.index(day)
