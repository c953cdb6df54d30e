"""What an engine says of itself: its log and its settings."""

from __future__ import annotations

from typing import NamedTuple


class LogLine(NamedTuple):
    """A line of the engine's log. `at` is ISO-8601 in UTC, `kind` what the event is about."""

    at: str
    level: str
    kind: str
    text: str


class SettingLine(NamedTuple):
    """A setting as it is in force; `name` is its path, such as `exchange.timeout_s`."""

    name: str
    value: str
    """Of a secret only whether there is one."""
    source: str
    """`default`, `settings file`, `environment`, `flag` or `command`."""
    meaning: str
