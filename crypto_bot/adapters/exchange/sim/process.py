"""The simulated exchange as a child process that never outlives its parent."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from contextlib import suppress
from threading import Timer
from typing import IO

from crypto_bot.adapters.exchange.sim.config import ClockNumbers, SimConfig
from crypto_bot.domain.errors import ConfigError, ExchangeUnavailable

_COMMAND = (sys.executable, "-m", "crypto_bot.app.commands.sim", "--for_parent")
_READY_WITHIN_S = 20.0
_STOPPED_WITHIN_S = 5.0
_BAD_CONFIG = 2


class SimProcess:
    """A running exchange: `url`, and the numbers of its `clock`.

    The child ends when the parent's end of its stdin closes, which SIGKILL cannot prevent. It has a
    session of its own, so that Ctrl-C reaches the parent alone.
    """

    def __init__(self, child: subprocess.Popen[str], url: str, clock: ClockNumbers) -> None:
        self._child = child
        self.url = url
        self.clock = clock

    @classmethod
    def start(cls, config: SimConfig) -> SimProcess:
        """Starts it and waits until it is ready.

        Raises ConfigError where it refuses `config`, ExchangeUnavailable where it does not get
        ready within 20 s; both carry its last words.
        """
        with tempfile.TemporaryFile("w+") as words:
            child = subprocess.Popen(  # noqa: S603 -- our own module, no shell, no foreign input
                _COMMAND,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=words,
                text=True,
                start_new_session=True,
            )
            deadline = Timer(_READY_WITHIN_S, child.kill)
            deadline.start()
            try:
                ready = _told(child, config)
            finally:
                deadline.cancel()
            if ready:
                said = json.loads(ready)
                numbers = (said["origin_ms"], said["anchor_ms"], said["speed"])
                return cls(child, said["url"], ClockNumbers(*numbers))
            raise _failure(child, words)

    @property
    def pid(self) -> int:
        """Of the child."""
        return self._child.pid

    def stop(self) -> None:
        """Ends it; twice is harmless."""
        _end(self._child)


def _told(child: subprocess.Popen[str], config: SimConfig) -> str:
    """Its line of readiness; empty where it ended instead."""
    assert child.stdin is not None
    assert child.stdout is not None
    try:
        child.stdin.write(config.to_json() + "\n")
        child.stdin.flush()
    except BrokenPipeError:
        return ""
    return child.stdout.readline()


def _failure(child: subprocess.Popen[str], words: IO[str]) -> ConfigError | ExchangeUnavailable:
    code = _end(child)
    words.seek(0)
    lines = words.read().splitlines()
    last = lines[-1] if lines else "it said nothing"
    if code == _BAD_CONFIG:
        return ConfigError(last)
    return ExchangeUnavailable(
        f"the simulated exchange did not start within {_READY_WITHIN_S:g} s "
        f"(exit code {code}): {last}"
    )


def _end(child: subprocess.Popen[str]) -> int:
    for stream in (child.stdin, child.stdout):
        assert stream is not None
        with suppress(BrokenPipeError):
            stream.close()
    try:
        return child.wait(_STOPPED_WITHIN_S)
    except subprocess.TimeoutExpired:
        child.kill()
        return child.wait()
