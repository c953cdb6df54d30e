"""What a replayed market has behind it when it opens: settled by a process beside the engine."""

from __future__ import annotations

from collections.abc import Callable, MutableSequence, Sequence
from multiprocessing import get_context

from crypto_bot.adapters.clock import SystemClock
from crypto_bot.domain.errors import ConfigError
from crypto_bot.engine.health import Loading, Pace

Settle = Callable[[Sequence[str], MutableSequence[int]], None]
"""Settles the past that a command line asks for; sets the coins known and the signals made."""


class Past:
    """Settles `bars` candles of `coins` coins by `settle(argv, counts)` in a process of its own.

    So the page answers meanwhile. Without `settle` they are settled already. The market opens at
    `until_ms`; `badge` and `about` are what the page says of it.
    """

    def __init__(
        self,
        settle: Settle | None,
        argv: Sequence[str],
        *,
        coins: int,
        bars: int,
        until_ms: int,
        badge: str,
        about: str,
    ) -> None:
        self.badge, self.about = badge, about
        self._until_ms, self._clock = until_ms, SystemClock()
        self._began_ms = self._clock.now_ms()
        self._coins, self._bars = coins, bars
        self._pace = Pace(self._clock.seconds)
        context = get_context("spawn")
        self._counts = context.RawArray("q", 2)
        self._child = context.Process(target=settle, args=(argv, self._counts))
        if settle is not None:
            self._child.start()

    def loading(self) -> Loading | None:
        """How far it is; None where there was nothing to do."""
        if self._child.pid is None:
            return None
        histories, candles = self._counts[0], self._counts[1]
        return self._pace.of(Loading(histories, self._coins, candles // self._coins, self._bars))

    def now_ms(self) -> int:
        """The time at which the market opens, and what has passed since the start."""
        return self._until_ms + self._clock.now_ms() - self._began_ms

    def wait(self) -> None:
        """Returns when all is settled. Raises ConfigError where that failed."""
        if self._child.pid is None:
            return
        self._child.join()
        if self._child.exitcode:
            raise ConfigError(
                f"the past of the market was not settled (exit code {self._child.exitcode}); its "
                "error stands above"
            )

    def stop(self) -> None:
        """Ends it; the next start begins anew."""
        if self._child.pid is not None:
            self._child.terminate()
