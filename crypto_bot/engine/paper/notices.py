"""What paper trading has to tell: fills, a circuit breaker, the kill switch; each change once."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from crypto_bot.domain.ledger import Event, Kind
from crypto_bot.domain.notice import Level, Notice, Topic
from crypto_bot.domain.paper_report import KillSwitch, Refusal

BREAKERS = frozenset({"drawdown", "daily_loss"})
"""Rules of risk that stop an account altogether, not one trade."""


class PaperChanges:
    """Told of what the accounts do, says what a person should know."""

    def __init__(self) -> None:
        self._tripped: set[tuple[str, str]] = set()
        self._killed = False

    def traded(self, events: Sequence[Event], refusals: Sequence[Refusal]) -> list[Notice]:
        """Fills, and the first signal that a breaker refused since the account traded last."""
        told = []
        for event in events:
            if event.kind in {Kind.OPEN, Kind.CLOSE}:
                told.append(_fill(event))
            if event.kind is Kind.OPEN:
                self._tripped = {each for each in self._tripped if each[0] != event.account}
        for refusal in refusals:
            key = refusal.account, refusal.rule
            if refusal.rule in BREAKERS and key not in self._tripped:
                self._tripped.add(key)
                text = f"paper {refusal.account} has stopped trading: {refusal.reason}"
                told.append(Notice(Topic.BREAKER, Level.ALARM, text))
        return told

    def switched(self, switch: KillSwitch) -> list[Notice]:
        """A person stopped paper trading, or let it go on; one that is on at the start is told."""
        if switch.on == self._killed:
            return []
        self._killed = switch.on
        by = switch.by or "somebody"
        text = f"paper trading was resumed by {by}"
        if switch.on:
            text = f"paper trading was stopped by {by}: {switch.reason or 'no reason given'}"
        return [Notice(Topic.BREAKER, Level.ALARM, text)]


def _fill(event: Event) -> Notice:
    action = "opened" if event.kind is Kind.OPEN else "closed"
    why = f" ({event.reason})" if event.reason else ""
    text = (
        f"paper {event.account}: {action} {event.side or ''} {_digits(event.amount)} "
        f"{event.symbol} at {_digits(event.price)}{why}"
    )
    return Notice(Topic.FILL, Level.INFO, text)


def _digits(number: Decimal) -> str:
    """All of it, without zeros at the end, never in powers of ten."""
    return f"{number.normalize():f}"
