"""The newest lines of the engine's log, for its page."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from typing import Any

import structlog

from crypto_bot.app.console_log import sentence
from crypto_bot.ports import LogLine

_KEPT = 2_000
_HIDDEN = "…"


class RecentLog:
    """Keeps lines as they are logged; texts that are `hidden` are in none of them."""

    def __init__(self) -> None:
        self._lines: deque[LogLine] = deque(maxlen=_KEPT)
        self._hidden: tuple[str, ...] = ()

    def hide(self, secrets: Iterable[str]) -> None:
        """From here on, and in what is kept already."""
        self._hidden = tuple(filter(None, secrets))

    def keep(
        self, _: object, __: str, event: structlog.typing.EventDict
    ) -> structlog.typing.EventDict:
        """For structlog, after timestamp and level."""
        fields: dict[str, Any] = dict(event)
        name = str(fields["event"])
        kind = "other" if " " in name else name.partition(".")[0]
        level = str(fields.pop("level"))
        text = sentence(None, "", {**fields, "level": ""})[len("00:00:00 ") :]
        self._lines.append(LogLine(str(event["timestamp"]), level, kind, text))
        return event

    def lines(self) -> list[LogLine]:
        """The newest last."""
        return [line._replace(text=self._masked(line.text)) for line in list(self._lines)]

    def _masked(self, text: str) -> str:
        for secret in self._hidden:
            text = text.replace(secret, _HIDDEN)
        return text


RECENT = RecentLog()
"""Of this process: there is one log in it."""
