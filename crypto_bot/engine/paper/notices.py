"""Notices of paper trading: fills, circuit breakers and the kill switch, each change once."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from crypto_bot.domain.ledger import Event, Kind
from crypto_bot.domain.notice import Level, Notice, Topic
from crypto_bot.domain.paper_report import KillSwitch, Refusal

BREAKERS = frozenset({"drawdown", "daily_loss"})
"""Risk rules that stop a whole account, not one trade."""


class PaperChanges:
    """Turns the activity of the accounts into notices."""

    def __init__(self) -> None:
        self._tripped: set[tuple[str, str]] = set()
        self._killed = False

    def traded(self, events: Sequence[Event], refusals: Sequence[Refusal]) -> list[Notice]:
        """Notices of fills, and of the first refusal by a breaker since the last trade."""
        notices = []
        for event in events:
            if event.kind in {Kind.OPEN, Kind.CLOSE}:
                notices.append(_fill(event))
            if event.kind is Kind.OPEN:
                self._tripped = {each for each in self._tripped if each[0] != event.account}
        for refusal in refusals:
            key = refusal.account, refusal.rule
            if refusal.rule in BREAKERS and key not in self._tripped:
                self._tripped.add(key)
                text = f"paper {refusal.account} has stopped trading: {refusal.reason}"
                notices.append(Notice(Topic.BREAKER, Level.ALARM, text))
        return notices

    def switched(self, switch: KillSwitch) -> list[Notice]:
        """A notice when the kill switch was turned, or is on at the start."""
        if switch.on == self._killed:
            return []
        self._killed = switch.on
        by = switch.by or "an unknown user"
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
    """All digits, without trailing zeros, never in scientific notation."""
    return f"{number.normalize():f}"
