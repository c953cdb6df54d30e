"""Starts `python -m simulated_exchange` as a child process that never outlives its parent."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from threading import Timer
from typing import IO

from crypto_bot.domain.errors import ConfigError, ExchangeUnavailable, MarketEnded

COMMAND = (sys.executable, "-m", "simulated_exchange")
_READY_WITHIN_S = 60.0
_STOPPED_WITHIN_S = 5.0
_BAD_CONFIG = 2


class SimulatedExchange:
    """A running simulated exchange at `url`.

    The child ends when the parent's end of its stdin closes, also where the parent was killed. It
    has a session of its own, so that Ctrl-C reaches the parent alone.
    """

    def __init__(self, child: subprocess.Popen[str], url: str) -> None:
        self._child = child
        self.url = url

    @classmethod
    def start(cls, flags: Sequence[str]) -> SimulatedExchange:
        """Starts it with the command line `flags` and waits until it is ready.

        Raises ConfigError where it refuses them, ExchangeUnavailable where it is not ready within
        60 s; both carry the last line that it wrote to stderr.
        """
        with tempfile.TemporaryFile("w+") as errors:
            child = subprocess.Popen(  # noqa: S603 -- our own module, no shell
                (*COMMAND, *flags, "--until_eof"),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
                start_new_session=True,
            )
            assert child.stdout is not None
            deadline = Timer(_READY_WITHIN_S, child.kill)
            deadline.start()
            try:
                ready = child.stdout.readline()  # empty where it has ended
            finally:
                deadline.cancel()
            if ready:
                return cls(child, json.loads(ready)["url"])
            raise _failure(child, errors)

    @property
    def pid(self) -> int:
        """Of the child."""
        return self._child.pid

    def require_running(self) -> None:
        """Raises MarketEnded where the candles came to their end, else ExchangeUnavailable."""
        code = self._child.poll()
        if code == 0:
            raise MarketEnded("the replayed candles have come to their end")
        if code is not None:
            raise ExchangeUnavailable(
                f"the simulated exchange ended (exit code {code}): start the engine again, it "
                "continues where the stored candles end"
            )

    def stop(self) -> None:
        """Ends it; twice is harmless."""
        _end(self._child)


def _failure(child: subprocess.Popen[str], errors: IO[str]) -> ConfigError | ExchangeUnavailable:
    code = _end(child)
    errors.seek(0)
    lines = errors.read().splitlines()
    last = lines[-1] if lines else "it wrote no error"
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
