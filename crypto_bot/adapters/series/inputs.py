"""Inputs: what the providers have of the coins is fetched and stored, off the engine's cycle.

A round never raises: what an input does not give stays masked where features read it. One line of
the log says so for each input and change of its state, whatever the number of coins.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import structlog

from crypto_bot.adapters.series import cache
from crypto_bot.adapters.series.provider import (
    Provider,
    Rows,
    coin_and_quote,
    first_words,
    observed,
)
from crypto_bot.adapters.series.server import Clock, InputFailed, Server, Trouble
from crypto_bot.domain.instant import DAY_MS

RETRY_MS = 50 * 60_000
"""A coin whose newest day is not there yet is asked for again after this; an hour, sooner."""

_log = structlog.get_logger()


@dataclass(frozen=True)
class Waiting:
    """How long to wait for what, see `server.Waiting`."""

    timeout_s: float
    clock: Clock
    wait: Callable[[float], bool]


@dataclass
class Source:
    """A provider, where it is reached, and its key, which may be empty."""

    provider: Provider
    url: str
    key: str = field(repr=False)

    def open(self, waiting: Waiting) -> Server:
        """The server. Raises InputFailed for a key that cannot be sent."""
        if not (self.key.isascii() and self.key.isprintable()):
            reason = f"{self.provider.variable} holds other than printable ASCII characters"
            raise InputFailed(Trouble.KEY, reason)
        provider = self.provider
        headers = provider.header(self.key)
        return Server(self.url, headers, self.key, provider.pace_s, waiting)


class _Due(NamedTuple):
    """The series `names` of a coin, to be asked for in one go from a day on (UTC ms)."""

    symbol: str
    names: tuple[str, ...]
    since_ms: int


class Inputs:
    """Fetches from `sources` into `folder`; to be used from one thread.

    `history_ms`: until then an engine has waited, or waits, for what there is, see `cache.Due`; by
    default a day ago, where none has.
    """

    def __init__(self, folder: Path, sources: Sequence[Source], waiting: Waiting) -> None:
        self._folder = folder
        self._sources = sources
        self._waiting = waiting
        self.history_ms: int | None = None
        self._states: dict[str, Trouble | None] = {}
        self._asked_ms: dict[tuple[str, tuple[str, ...]], int] = {}
        self._absent: dict[tuple[str, tuple[str, ...]], str] = {}

    def refresh(self, symbols: Iterable[str], wanted: Collection[str]) -> None:
        """Fetches what is not stored yet of the series `wanted`, of those that an input brings."""
        wanted_coins = tuple(symbols)
        for source in self._sources:
            market, series = source.provider.market, source.provider.series
            coins = wanted_coins if market is None else (market,)
            names = [name for name in series if name in wanted]
            if source.provider.together and names:
                groups = [tuple(series)]
            else:
                groups = [(name,) for name in names]
            due = [each for group in groups for each in self._due(source.provider, coins, group)]
            if due:
                asked = {(symbol, group) for group in groups for symbol in coins}
                state, reason = self._round(source, due)
                if state is None and asked <= self._absent.keys():
                    state = Trouble.COIN
                if state in {None, Trouble.COIN}:
                    absent = [self._absent[each] for each in sorted(asked & self._absent.keys())]
                    reason = first_words(absent) if absent else ""
                self._tell(source, names, state, reason)

    def _due(
        self, provider: Provider, symbols: Sequence[str], names: tuple[str, ...]
    ) -> Iterator[_Due]:
        """The coins that lack a period that has ended, and were not asked for just now."""
        now_ms, step_ms = self._waiting.clock.now_ms(), provider.step_ms
        newest_ms = now_ms // step_ms * step_ms - step_ms
        for symbol in symbols:
            begins = [cache.newest_ms(self._folder, name, symbol) for name in names]
            stored = [at for at in begins if at is not None]
            since_ms = min(stored) + step_ms if stored else 0
            asked_ms = self._asked_ms.get((symbol, names))
            pause_ms = min(RETRY_MS, step_ms // 15) if stored else DAY_MS
            if since_ms <= newest_ms and (asked_ms is None or now_ms - asked_ms >= pause_ms):
                yield _Due(symbol, names, since_ms)

    def _round(self, source: Source, due: Sequence[_Due]) -> tuple[Trouble | None, str]:
        """Asks for all that is `due`; what is wrong, and why.

        What fails for one coin is skipped, what the key has no right to is not asked for again, and
        any other failure ends the round.
        """
        if source.provider.variable and not source.key:
            return Trouble.NO_KEY, f"set the environment variable {source.provider.variable}"
        refused: list[str] = []
        closed: dict[tuple[str, ...], str] = {}
        try:
            with closing(source.open(self._waiting)) as server:
                for each in due:
                    if each.names not in closed:
                        refused += self._fetch(source.provider, server, each, closed)
        except InputFailed as failed:
            return failed.kind, str(failed)
        except OSError as error:
            return Trouble.DISK, str(error)
        if closed:
            words = [f"{', '.join(names)}: {why}" for names, why in closed.items()]
            return Trouble.PLAN, "; ".join(words)
        return (Trouble.VALUES, first_words(refused)) if refused else (None, "")

    def _fetch(
        self, provider: Provider, server: Server, due: _Due, closed: dict[tuple[str, ...], str]
    ) -> list[str]:
        """Stores what there is; what was refused of it. Raises InputFailed where all would fail."""
        symbol, names, since_ms = due
        found: Mapping[str, Rows] = {}
        why = "it has no such figures"
        try:
            coin, _ = coin_and_quote(symbol)
            until_s = self._waiting.clock.now_ms() // 1000
            found = provider.fetch(server, coin, names, since_ms // 1000, until_s)
        except InputFailed as failed:
            if failed.kind is Trouble.PLAN:
                closed[names] = str(failed)
            elif failed.kind is not Trouble.COIN:
                raise
            why = str(failed)
        now_ms = self._waiting.clock.now_ms()
        self._asked_ms[symbol, names] = now_ms
        refused: list[str] = []
        history_ms = now_ms - DAY_MS - 1 if self.history_ms is None else self.history_ms
        when = cache.Due(provider.step_ms, provider.published_ms, now_ms, history_ms)
        for name, rows in found.items():
            sound = observed(name, provider.series[name], rows, now_ms, provider.step_ms)
            refused += [f"{symbol}: {each}" for each in sound.refused]
            cache.add(self._folder, name, symbol, sound.figures, when)
        if since_ms == 0 and not any(found.values()):
            self._absent[symbol, names] = f"{symbol}: {why}"
        else:
            self._absent.pop((symbol, names), None)
        return refused

    def _tell(
        self, source: Source, names: Sequence[str], state: Trouble | None, reason: str
    ) -> None:
        """One line where the state has changed."""
        name = source.provider.name
        if name in self._states and self._states[name] is state:
            return
        self._states[name] = state
        series = ", ".join(names)
        if state is None:
            _log.info("input.fetched", input=name, series=series, absent=reason)
        else:
            _log.warning("input.masked", input=name, series=series, state=state, reason=reason)
