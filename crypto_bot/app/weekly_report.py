"""Each Monday the report of the week before, as a page beside the models and as a notice."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from crypto_bot.domain.alarm import Alarm
from crypto_bot.domain.instant import DAY_MS
from crypto_bot.domain.notice import Level, Notice, Topic
from crypto_bot.ports.roles import RoleLog
from crypto_bot.reports.live_record import LiveRecord, Selection, Window
from crypto_bot.reports.weekly import page, sentence

FOLDER = "reports"


def report_week(
    folder: Path, now_ms: int, record: LiveRecord, roles: RoleLog, alarms: Sequence[Alarm]
) -> Notice | None:
    """Writes the report of the last seven days; None where that of the week is there.

    Raises StoreError, and OSError where the disk refuses.
    """
    day = now_ms // DAY_MS
    week = f"{datetime.fromtimestamp((day - 7) * DAY_MS / 1000, UTC):%G-W%V}"
    path = folder / f"week-{week}.html"
    if path.exists():
        return None
    version = "day", day
    report = record.report(Selection(Window.WEEK), version)
    if not report.calls:
        return None
    since_ms = now_ms - 7 * DAY_MS
    changes = [each for each in roles.changes() if each.at_ms >= since_ms]
    folder.mkdir(parents=True, exist_ok=True)
    aside = path.with_suffix(".part")
    aside.write_text(page(week, report, record.models(version), changes, alarms), "utf-8")
    aside.replace(path)
    text = f"{sentence(week, report, changes)}: {path}"
    return Notice(Topic.ENGINE, Level.INFO, text)
