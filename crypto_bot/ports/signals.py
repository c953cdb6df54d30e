"""Sources of signals, what they are stored as, and who is told of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from crypto_bot.domain.errors import SignalUnavailable
from crypto_bot.domain.market import MarketView
from crypto_bot.domain.outcome import Outcome
from crypto_bot.domain.record import Tally
from crypto_bot.domain.signal import Call, Signal, Source


class StoredSignal(NamedTuple):
    """A signal as it was committed: with its time and whether it came late."""

    signal: Signal
    created_ms: int
    late: bool


class Settled(NamedTuple):
    """The labelled outcomes of a source that one close decided, over all coins."""

    source: Source
    settled_ms: int
    tally: Tally


class Commits(Protocol):
    """Takes what a cycle brought."""

    def commit(self, signals: Sequence[StoredSignal], outcomes: Sequence[Outcome]) -> None:
        """One transaction. A signal or outcome that is stored already stays as it is."""
        ...


class PredictionStore(Commits, Protocol):
    """The prediction log with its outcomes: append-only, one row for each (symbol, tf, candle)."""

    def newest_opens(self) -> dict[str, int]:
        """Candle of the newest prediction of each symbol that has one."""
        ...

    def unsettled(self) -> list[Signal]:
        """Signals without an outcome, oldest first."""
        ...

    def tallies(self) -> dict[tuple[Source, str], Tally]:
        """The record of all labelled outcomes by (source, symbol)."""
        ...

    def settled_since(self, since_ms: int) -> list[Settled]:
        """Labelled outcomes with `settled_ms >= since_ms`, by time."""
        ...

    def first_bar(self, proposed_ms: int) -> int:
        """The first candle to have signals here; `proposed_ms` becomes it on the first call."""
        ...


class SignalSource(Protocol):
    """One link of the fallback chain."""

    @property
    def source(self) -> Source:
        """The name under which its calls are stored."""
        ...

    def calls(self, views: Sequence[MarketView]) -> list[Call | SignalUnavailable]:
        """One answer for each view, in order: a call, or the reason why it declines."""
        ...


class SignalSink(Protocol):
    """Is told of what has been committed."""

    def committed(self, signals: Sequence[StoredSignal], outcomes: Sequence[Outcome]) -> None:
        """Called after the commit, in the order of the commits. Must not raise or block."""
        ...


class Commit(NamedTuple):
    """What one cycle committed: its time, its signals and the outcomes that its candles decided."""

    at_ms: int
    signals: list[StoredSignal]
    outcomes: list[Outcome]


class CommitHistory(Protocol):
    """Reads what was committed when. Safe to call from any thread."""

    def newest_ms(self) -> int:
        """When the newest signal was made; 0 where there is none."""
        ...

    def commits(self, since_ms: int, until_ms: int, limit: int) -> list[Commit] | None:
        """Those made in `[since_ms, until_ms]`, by time; None where they have over `limit` signals.

        Of signals that were caught up on, those of the last 30 days before `since_ms`.
        """
        ...
