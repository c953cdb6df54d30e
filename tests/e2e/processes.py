"""Commands started as a user starts them, and their output.

`LONGEST_S` only ends what hangs: it is far above what a busy machine needs.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path
from queue import Empty, Queue
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

ROOT = Path(__file__).parents[2]
LONGEST_S = 1000.0
Event = dict[str, Any]


class Process:
    """A command whose JSON log lines can be waited for."""

    def __init__(self, words: list[str], environment: dict[str, str], folder: Path) -> None:
        self.lines: list[str] = []
        self._events: Queue[Event | None] = Queue()  # None: its output has ended
        self._child = subprocess.Popen(
            [sys.executable, *words],
            cwd=folder,
            env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self._child.stdout is not None
        for line in self._child.stdout:
            self.lines.append(line.rstrip())
            if line.startswith("{"):
                self._events.put(json.loads(line))
        self._child.stdout.close()
        self._events.put(None)

    @property
    def pid(self) -> int:
        return self._child.pid

    @property
    def is_running(self) -> bool:
        return self._child.poll() is None

    def event(self, name: str) -> Event:
        """The next event `name`; those before it are dropped."""
        deadline = time.monotonic() + LONGEST_S
        while True:
            try:
                event = self._events.get(timeout=max(0.0, deadline - time.monotonic()))
            except Empty:
                event = None
            if event is None:
                raise AssertionError(f"no {name} among {self.lines[-20:]}")
            if event["event"] == name:
                return event

    def signal(self, number: int) -> None:
        self._child.send_signal(number)

    def ended(self) -> int:
        """Its exit code."""
        code = self._child.wait(LONGEST_S)
        self._reader.join(LONGEST_S)
        return code

    def kill(self) -> None:
        if self.is_running:
            self._child.kill()
        self.ended()


def call(url: str, method: str = "GET", body: object = None) -> tuple[int, Any]:
    """Status and JSON of one call."""
    data = None if body is None else json.dumps(body).encode()
    request = Request(url, data, {"Content-Type": "application/json"}, method=method)
    try:
        with urlopen(request, timeout=150) as reply:
            return reply.status, json.load(reply)
    except HTTPError as error:
        with error:
            return error.code, json.load(error)
