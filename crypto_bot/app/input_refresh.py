"""Keeps what the inputs bring up to date beside the engine: its cycle reads the disk alone."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from threading import Event, Thread
from typing import TYPE_CHECKING

import structlog

from crypto_bot.adapters.clock import SystemClock
from crypto_bot.adapters.series.registered import FETCHED
from crypto_bot.app.market_data import open_inputs
from crypto_bot.app.outlook import outlook_engines
from crypto_bot.app.settings import Settings
from crypto_bot.app.wiring import model_registry

if TYPE_CHECKING:
    from crypto_bot.adapters.series.inputs import Inputs  # httpx, which few engines need

EVERY_S = 300.0
"""A coin is asked for only while its newest day or hour is missing, a day about once an hour."""

_log = structlog.get_logger()


def series_of_models(settings: Settings, symbols: Sequence[str]) -> frozenset[str]:
    """The series that the published models of an engine read, and those of its outlooks."""
    if not settings.use_ml:
        return frozenset()
    engines = [settings, *(each.settings for each in outlook_engines(settings))]
    return frozenset().union(*(model_registry(each).series(symbols) for each in engines))


class InputRefresh:
    """A thread that fetches what the published models read; a simulated market has none.

    `wanted` names the series of them, which may change with every model that is published.
    """

    def __init__(
        self,
        settings: Settings,
        symbols: Sequence[str],
        wanted: Callable[[], Collection[str]],
        clock: SystemClock,
    ) -> None:
        self._settings = settings
        self._symbols = symbols
        self._wanted = wanted
        self._clock = clock
        self._stop, self._first = Event(), Event()
        self._opened: Inputs | None = None
        # A server that hangs must not hold up the end of the program.
        self._thread = Thread(target=self._run, name="inputs", daemon=True)

    def start(self) -> None:
        """Begins with a first round at once."""
        if self._settings.simulated:
            self._first.set()
        else:
            self._thread.start()

    def stop(self) -> None:
        """Ends it after the reply that it waits for, if any; nothing waits for that."""
        self._stop.set()

    def first_round(self, timeout_s: float) -> None:
        """Waits for the end of the first round, no longer than that.

        What comes later is known since it came: the engine goes on without it.
        """
        if not self._first.wait(timeout_s) and self._opened is not None:
            self._opened.history_ms = 0

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                wanted = set(self._wanted()).intersection(FETCHED.names())
                if wanted:
                    self._inputs().refresh(self._symbols, wanted)
            except Exception:  # noqa: BLE001 - the edge of a job: a bug here costs inputs alone
                _log.exception("input.failed")
            if self._opened is not None:
                self._opened.history_ms = 0
            self._first.set()
            self._stop.wait(EVERY_S)

    def _inputs(self) -> Inputs:
        """Opened when the first model wants any; the engine waits for the first round alone."""
        if self._opened is None:
            opened = open_inputs(self._settings, self._clock, self._stop.wait)
            opened.history_ms = 0 if self._first.is_set() else self._clock.now_ms()
            self._opened = opened
        return self._opened
