"""What a job prints, read on from where it was read before: its newest lines and its progress."""

from __future__ import annotations

import json
import re
from collections import deque
from contextlib import suppress
from pathlib import Path
from typing import Any

from crypto_bot.app.console_log import sentence

_LINES = 60
_STEP = re.compile(r"\((\d+) of (\d+)\)")


class JobOutput:
    """Of the file `path`. `done` of `total` steps; `total` is 0 while they are not known.

    Training reports its steps as events, other commands in their lines, such as `(3 of 32)`.
    """

    def __init__(self, path: Path) -> None:
        self.done = self.total = 0
        self.lines: deque[str] = deque(maxlen=_LINES)
        self._path, self._read, self._rest = path, 0, b""

    def read(self) -> None:
        """Takes what is new in whole lines."""
        with suppress(OSError), self._path.open("rb") as file:
            file.seek(self._read)
            text = file.read()
            self._read += len(text)
            *whole, self._rest = (self._rest + text).split(b"\n")
            for line in whole:
                self._take(line.decode("utf-8", "replace"))

    def _take(self, line: str) -> None:
        with suppress(ValueError, KeyError, TypeError):
            event: dict[str, Any] = json.loads(line) if line.startswith("{") else {"event": ""}
            match event["event"]:
                case "train.started":
                    self.total, self.done = int(event["jobs"]), int(event["done"])
                case "job.finished":
                    self.done += 1
            line = sentence(None, "", event) if event["event"] else line
        if step := _STEP.search(line):
            self.done, self.total = int(step[1]), int(step[2])
        if line.strip():
            self.lines.append(line)
