"""Paper trading."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import NamedTuple, Protocol

from crypto_bot.domain.candle import Candle
from crypto_bot.domain.ledger import Event
from crypto_bot.domain.paper_report import (
    AccountReport,
    ClosedTrade,
    DayResult,
    EquityPoint,
    KillSwitch,
    MoneyParts,
    Refusal,
)
from crypto_bot.ports.signals import StoredSignal


class PaperTrading(Protocol):
    """Paper trading for its users: reports and kill switch. Safe to call from any thread."""

    def accounts(self) -> list[AccountReport]:
        """Every account; empty where paper trading is switched off."""

    def refusals(self, account: str, limit: int) -> list[Refusal]:
        """The newest refusals of `account`, the newest first."""

    def trades(self, account: str, skip: int, limit: int) -> list[ClosedTrade]:
        """The closed trades of `account`, the newest first, after the newest `skip` of them."""

    def days(self, account: str) -> tuple[DayResult, ...]:
        """The result of each day of `account`, ascending."""

    def parts(self, account: str) -> MoneyParts:
        """All closed trades of `account` in parts. Raises StoreError."""

    def kill_switch(self) -> KillSwitch:
        """The current state."""

    def stop(self, by: str, reason: str) -> KillSwitch:
        """Closes every position at the next price and opens no more, until resumed."""

    def resume(self, by: str) -> KillSwitch:
        """Lets positions be opened again."""


class PaperWrites(NamedTuple):
    """The results of one step of a paper account; stored as a whole or not at all."""

    account: str
    events: list[Event]
    trades: list[ClosedTrade]
    refusals: list[Refusal]
    points: list[tuple[EquityPoint, Decimal]]
    """Each with the cash at that time."""
    seen: dict[str, int]
    """Open time of the newest candle processed for the position in each coin."""


class PaperStore(Protocol):
    """The paper accounts of one timeframe: append-only except `seen`. Raises StoreError."""

    def write(self, writes: Sequence[PaperWrites]) -> None:
        """One transaction. Events, refusals and points that are stored already are ignored."""

    def events(self, account: str) -> Iterable[Event]:
        """The whole ledger, in order."""

    def points(self, account: str) -> list[EquityPoint]:
        """Every equity point, by time."""

    def refusals(self, account: str, limit: int) -> list[Refusal]:
        """The newest refusals, the newest first."""

    def refused(self, account: str) -> dict[str, int]:
        """How many signals each rule has refused."""

    def seen(self, account: str) -> dict[str, int]:
        """The values written last; see `PaperWrites.seen`."""

    def kill_switch(self) -> KillSwitch:
        """The state set last, by any process."""

    def resumed_ms(self) -> int | None:
        """When trading was resumed last."""

    def switch(self, to: KillSwitch, at_ms: int) -> None:
        """Adds a row to the log of the switch."""


class PaperTape(Protocol):
    """Committed signals and candles for paper trading. Raises StoreError."""

    def first_ms(self) -> int | None:
        """Open time of the first candle with signals."""

    def ready_ms(self, symbols: Sequence[str], patience_bars: int) -> int | None:
        """Open time of the newest candle up to which all coins have their signals.

        Coins that are further behind the newest than `patience_bars` are not waited for.
        """

    def trades(self, since_ms: int, until_ms: int) -> list[StoredSignal]:
        """The LONG and SHORT signals of candles that opened in `[since_ms, until_ms]`, by time."""

    def candles(
        self, symbols: Sequence[str], since_ms: int, until_ms: int
    ) -> dict[str, list[Candle]]:
        """Stored candles with open in `[since_ms, until_ms]` of each coin, ascending."""


class PaperSink(Protocol):
    """Receives the activity of paper accounts after it was stored."""

    def traded(self, events: Sequence[Event], refusals: Sequence[Refusal]) -> None:
        """Called from any thread, in order. Must not raise or block."""
