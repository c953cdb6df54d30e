"""Scheduled releases: hours until the next one, and since the last, from the dates in a file.

`releases.csv` names its sources. It ends with the calendars that were published when it was made:
after its last date the hours until the next are not known, and 30 days later none are.
"""

from __future__ import annotations

import csv
from bisect import bisect_left, bisect_right
from datetime import datetime
from functools import cache
from pathlib import Path

from crypto_bot.domain.instant import DAY_MS, HOUR_MS, MINUTE_MS
from crypto_bot.ports.market_data import Observation, Series

STEP_MS = 15 * MINUTE_MS
"""An observation at each quarter of an hour, on which the releases lie."""
_LONGEST_MS = 30 * DAY_MS
_FILE = Path(__file__).with_name("releases.csv")


class _Hours:
    """The series `name`, the same for every coin."""

    def __init__(self, name: str, *, ahead: bool) -> None:
        self.name = name
        self._ahead = ahead

    def read(self, symbol: str, since_ms: int, until_ms: int) -> list[Observation]:  # noqa: ARG002 - of the whole market
        """See the port."""
        dates = _dates()
        first = max(since_ms, dates[0] - _LONGEST_MS)
        last = min(until_ms, dates[-1] + _LONGEST_MS)
        instants = range(-(-first // STEP_MS) * STEP_MS, last + 1, STEP_MS)
        found = ((at, self._distance_ms(dates, at)) for at in instants)
        return [Observation(at, away / HOUR_MS) for at, away in found if away is not None]

    def _distance_ms(self, dates: tuple[int, ...], at_ms: int) -> int | None:
        """To the next release, 0 at its instant; or from the last, which then was just now."""
        if self._ahead:
            place = bisect_left(dates, at_ms)
            away = dates[place] - at_ms if place < len(dates) else None
        else:
            place = bisect_right(dates, at_ms)
            away = at_ms - dates[place - 1] if place else None
        return away if away is not None and away <= _LONGEST_MS else None


def release_series() -> dict[str, Series]:
    """By name."""
    made = (
        _Hours("hours_to_release", ahead=True),
        _Hours("hours_since_release", ahead=False),
    )
    return {each.name: each for each in made}


@cache
def _dates() -> tuple[int, ...]:
    """Instants of all releases (UTC ms), ascending."""
    lines = _FILE.read_text(encoding="utf-8").splitlines()
    rows = csv.DictReader(line for line in lines if not line.startswith("#"))
    found = {int(datetime.fromisoformat(row["at"]).timestamp()) * 1000 for row in rows}
    return tuple(sorted(found))
