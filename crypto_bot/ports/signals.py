"""Sources of signals, the store of signals, and their sinks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from crypto_bot.domain.errors import SignalUnavailable
from crypto_bot.domain.market import MarketView
from crypto_bot.domain.outcome import Outcome
from crypto_bot.domain.record import Tally
from crypto_bot.domain.signal import (
    CHAMPION,
    Call,
    Pred,
    Probabilities,
    Signal,
    Source,
    candle_of,
    is_served,
)


class StoredSignal(NamedTuple):
    """A committed signal with its time, and whether it was late."""

    signal: Signal
    created_ms: int
    late: bool


class Settled(NamedTuple):
    """The labelled outcomes of a source that one close settled, over all coins."""

    source: Source
    settled_ms: int
    tally: Tally


class SettledCall(NamedTuple):
    """What a model gave that is served, before any recalibration, and the side that came."""

    settled_ms: int
    open_ms: int
    symbol: str
    p: Probabilities
    side: Pred


class Commits(Protocol):
    """Stores the results of a cycle."""

    def commit(self, signals: Sequence[StoredSignal], outcomes: Sequence[Outcome]) -> None:
        """One transaction, for signals in any role and their outcomes.

        Signals and outcomes that are stored already are ignored.
        """


class PredictionStore(Commits, Protocol):
    """The prediction log with its outcomes: append-only, one row for each `Signal.id`.

    Methods cover only served signals unless they name every role.
    """

    def newest_opens(self) -> dict[str, int]:
        """Candle open of the newest prediction of each symbol that has one."""

    def unsettled(self) -> list[Signal]:
        """Signals of every role without an outcome, oldest first."""

    def tallies(self) -> dict[tuple[Source, str], Tally]:
        """The record of all labelled outcomes by (source, symbol)."""

    def settled_since(self, since_ms: int) -> list[Settled]:
        """Labelled outcomes with `settled_ms >= since_ms`, by time."""

    def settled_calls(self, since_ms: int) -> list[SettledCall]:
        """Those of models over the three sides that are served, with `settled_ms >= since_ms`."""

    def first_bar(self, proposed_ms: int) -> int:
        """The first candle to have signals here; `proposed_ms` becomes it on the first call.

        Raises ConfigError where an engine of this name runs on another market.
        """


class SignalSource(Protocol):
    """One link of the fallback chain."""

    @property
    def source(self) -> Source:
        """The name under which its calls are stored."""

    def calls(self, views: Sequence[MarketView]) -> list[Call | SignalUnavailable]:
        """For each view, in order, a call or the reason why there is none."""


class SignalSink(Protocol):
    """Receives what was committed."""

    def committed(self, signals: Sequence[StoredSignal], outcomes: Sequence[Outcome]) -> None:
        """Called after the commit, in the order of the commits. Must not raise or block."""


class Commit(NamedTuple):
    """The served signals and outcomes of one commit.

    `number` is greater than that of every commit before it, of all engines of the database.
    """

    number: int
    signals: list[StoredSignal]
    outcomes: list[Outcome]

    @classmethod
    def of_served(
        cls, number: int, signals: Sequence[StoredSignal], outcomes: Sequence[Outcome]
    ) -> Commit:
        """The commit without signals and outcomes of other roles."""
        return cls(
            number,
            [stored for stored in signals if stored.signal.role is CHAMPION],
            [outcome for outcome in outcomes if is_served(outcome.prediction_id)],
        )

    def candle_opens(self) -> list[int]:
        """Opens of the candles that its signals and outcomes are of, UTC ms."""
        of_outcomes = [candle_of(outcome.prediction_id) for outcome in self.outcomes]
        return [stored.signal.candle_open_ms for stored in self.signals] + of_outcomes


class CommitHistory(Protocol):
    """Queries of commits of the served record. Safe to call from any thread."""

    def newest(self) -> int:
        """The number of the newest commit of the database; 0 where there is none."""

    def commits(self, after: int, until: int, limit: int) -> list[Commit] | None:
        """Those with a number in `(after, until]`, ascending; None for over `limit` signals."""

    def span_ms(self, after: int, until: int) -> tuple[int, int]:
        """When the signals of the first and the last in `(after, until]` were made; 0 for none."""

    def number_at(self, at_ms: int) -> int:
        """The newest commit with a signal that was made at `at_ms` or before; 0 for none."""
