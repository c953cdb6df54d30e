"""Sources of signals, what they are stored as, and who is told of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from crypto_bot.domain.errors import SignalUnavailable
from crypto_bot.domain.market import MarketView
from crypto_bot.domain.outcome import Outcome
from crypto_bot.domain.record import Tally
from crypto_bot.domain.signal import Call, Role, Signal, Source, is_served


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
        """One transaction, for signals in any role and their outcomes.

        A signal or outcome that is stored already stays as it is.
        """
        ...


class PredictionStore(Commits, Protocol):
    """The prediction log with its outcomes: append-only, one row for each `Signal.id`.

    What is not said to be of every role is of the served signals alone.
    """

    def newest_opens(self) -> dict[str, int]:
        """Candle of the newest prediction of each symbol that has one."""
        ...

    def unsettled(self) -> list[Signal]:
        """Signals of every role without an outcome, oldest first."""
        ...

    def tallies(self) -> dict[tuple[Source, str], Tally]:
        """The record of all labelled outcomes by (source, symbol)."""
        ...

    def settled_since(self, since_ms: int) -> list[Settled]:
        """Labelled outcomes with `settled_ms >= since_ms`, by time."""
        ...

    def first_bar(self, proposed_ms: int) -> int:
        """The first candle to have signals here; `proposed_ms` becomes it on the first call.

        Raises ConfigError where an engine of this name runs on another market.
        """
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
    """What one commit brought of the served record.

    `number` is greater than that of every commit before it, of all engines of the database.
    """

    number: int
    signals: list[StoredSignal]
    outcomes: list[Outcome]

    @classmethod
    def of_served(
        cls, number: int, signals: Sequence[StoredSignal], outcomes: Sequence[Outcome]
    ) -> Commit:
        """The commit without what belongs to other roles."""
        return cls(
            number,
            [stored for stored in signals if stored.signal.role is Role.CHAMPION],
            [outcome for outcome in outcomes if is_served(outcome.prediction_id)],
        )


class CommitHistory(Protocol):
    """Reads what was committed of the served record. Safe to call from any thread."""

    def newest(self) -> int:
        """The number of the newest commit of the database; 0 where there is none."""
        ...

    def commits(self, after: int, until: int, limit: int) -> list[Commit] | None:
        """Those with a number in `(after, until]`, ascending; None for over `limit` signals."""
        ...

    def span_ms(self, after: int, until: int) -> tuple[int, int]:
        """When the first and the last signal in `(after, until]` were made; 0 where none was."""
        ...

    def number_at(self, at_ms: int) -> int:
        """The newest commit with a signal that was made at `at_ms` or before; 0 for none."""
        ...
