"""Each week a report of the last seven days, as a page beside the models and as a notice."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from crypto_bot.domain.alarm import Alarm
from crypto_bot.domain.instant import DAY_MS, instant
from crypto_bot.domain.notice import Level, Notice, Topic
from crypto_bot.ports.roles import RoleLog
from crypto_bot.reports.live_record import LiveRecord, Selection, Window
from crypto_bot.reports.weekly import page, sentence

FOLDER = "reports"
_NAME = "week-until-"


def report_week(
    folder: Path, now_ms: int, record: LiveRecord, roles: RoleLog, alarms: Sequence[Alarm]
) -> Notice | None:
    """Writes the report of the last seven days; None where the last one is younger than that.

    Raises StoreError, and OSError where the disk refuses.
    """
    day = now_ms // DAY_MS
    until = instant(day * DAY_MS)[:10]
    week_ago = instant((day - 7) * DAY_MS)[:10]
    if any(each.name > f"{_NAME}{week_ago}.html" for each in folder.glob(f"{_NAME}*.html")):
        return None
    path = folder / f"{_NAME}{until}.html"
    version = "day", day
    report = record.report(Selection(Window.WEEK), version)
    if not report.calls:
        return None
    since_ms = now_ms - 7 * DAY_MS
    changes = [each for each in roles.changes() if each.at_ms >= since_ms]
    folder.mkdir(parents=True, exist_ok=True)
    aside = path.with_suffix(".part")
    aside.write_text(page(until, report, record.models(version), changes, alarms), "utf-8")
    aside.replace(path)
    text = f"{sentence(until, report, changes)}: {path}"
    return Notice(Topic.ENGINE, Level.INFO, text)
