"""The append-only ledger of a paper account, and the account state it adds up to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal, localcontext
from enum import StrEnum
from typing import NamedTuple

from crypto_bot.domain.fills import EXACT
from crypto_bot.domain.paper import Market
from crypto_bot.domain.signal import Pred, Source

_NOTHING = Decimal(0)
STOPPED = "SL"


class Kind(StrEnum):
    """Kinds of ledger events."""

    DEPOSIT = "DEPOSIT"
    OPEN = "OPEN"
    CLOSE = "CLOSE"
    """All or part of a position."""
    FUNDING = "FUNDING"
    STOP = "STOP"
    """The stop was moved; cash does not change."""


class Target(NamedTuple):
    """Amount to be sold (or bought back) at a price."""

    price: Decimal
    amount: Decimal


class Terms(NamedTuple):
    """The exit rules of a position, fixed when it is opened."""

    stop: Decimal
    targets: tuple[Target, ...]
    expires_ms: int
    atr: Decimal
    source: Source


class Event(NamedTuple):
    """One line of the ledger; `id` is made of its inputs, `seq` counts the account's events.

    `price`, `amount` and `fee` are those of the fill. For FUNDING `amount` is the notional and
    `price` the rate, for STOP `price` is the new stop. `cash` is the change of the account's cash.
    """

    id: str
    account: str
    seq: int
    at_ms: int
    kind: Kind
    cash: Decimal
    symbol: str | None = None
    prediction_id: str | None = None
    side: Pred | None = None
    reason: str | None = None
    price: Decimal = _NOTHING
    amount: Decimal = _NOTHING
    fee: Decimal = _NOTHING
    terms: Terms | None = None


@dataclass(frozen=True, slots=True)
class Position:
    """An open position, and the results of its closed parts."""

    symbol: str
    side: Pred
    prediction_id: str
    opened: Decimal
    amount: Decimal
    """The part of `opened` that is still open."""
    entry: Decimal
    entry_ms: int
    terms: Terms
    stop: Decimal
    reached: int = 0
    """Number of filled targets."""
    gross: Decimal = _NOTHING
    proceeds: Decimal = _NOTHING
    """Notional of the closed parts."""
    fees: Decimal = _NOTHING
    funding: Decimal = _NOTHING
    """Received; negative if paid."""
    funded_ms: int = 0
    """When funding was last due."""

    @property
    def sign(self) -> int:
        """+1 for a LONG, -1 for a SHORT."""
        return 1 if self.side is Pred.LONG else -1

    @property
    def risked(self) -> Decimal:
        """The loss at the first stop before costs: one R."""
        with localcontext(EXACT):
            return abs(self.entry - self.terms.stop) * self.opened

    def gain(self, price: Decimal) -> Decimal:
        """The gain from closing the rest at `price`, before costs."""
        with localcontext(EXACT):
            return self.sign * (price - self.entry) * self.amount


class Closed(NamedTuple):
    """A position whose last part was closed."""

    position: Position
    at_ms: int
    reason: str


def drawdown(equity: Decimal, peak: Decimal) -> Decimal:
    """How far `equity` has fallen below the highest one, as a share of it; 0 at the peak."""
    return max(Decimal(0), 1 - equity / peak) if peak > 0 else Decimal(0)


@dataclass(frozen=True, slots=True)
class Account:
    """The state of a ledger. Equity is exactly `cash` plus the value of the positions.

    Spot: buying turns cash into coins. Perp: a contract costs nothing; closing it moves the gain
    into cash.
    """

    name: str
    market: Market
    events: int = 0
    opened_ms: int | None = None
    deposited: Decimal = _NOTHING
    cash: Decimal = _NOTHING
    positions: Mapping[str, Position] = field(default_factory=dict)
    stopped_ms: Mapping[str, int] = field(default_factory=dict)
    """When each coin was last stopped out."""
    traded: Decimal = _NOTHING
    fees: Decimal = _NOTHING
    funding: Decimal = _NOTHING

    def equity(self, prices: Mapping[str, Decimal]) -> Decimal:
        """Equity at `prices`; a coin without a price counts at its entry."""
        with localcontext(EXACT):
            total = self.cash
            for position in self.positions.values():
                total += self.value(position, prices.get(position.symbol, position.entry))
            return total

    def value(self, position: Position, price: Decimal) -> Decimal:
        """The contribution of `position` to the equity at `price`."""
        if self.market is Market.PERP:
            return position.gain(price)
        return EXACT.multiply(position.amount, price)

    def exposure(self, prices: Mapping[str, Decimal]) -> Decimal:
        """Notional of all positions, of either side."""
        with localcontext(EXACT):
            return sum(
                (p.amount * prices.get(p.symbol, p.entry) for p in self.positions.values()),
                _NOTHING,
            )


def cash_of(account: Account, event: Event) -> Decimal:
    """The change of the cash of `account` by `event`."""
    with localcontext(EXACT):
        if event.kind is Kind.DEPOSIT:
            return event.amount
        if event.kind is Kind.OPEN:
            bought = event.price * event.amount if account.market is Market.SPOT else _NOTHING
            return -bought - event.fee
        if event.kind is Kind.CLOSE:
            position = _position(account, event)
            if account.market is Market.SPOT:
                return event.price * event.amount - event.fee
            return position.sign * (event.price - position.entry) * event.amount - event.fee
        if event.kind is Kind.FUNDING:
            return -_position(account, event).sign * event.price * event.amount
        return _NOTHING


def apply(account: Account, event: Event) -> tuple[Account, Closed | None]:
    """The account after `event`, and the position that it closed, if any.

    Raises ValueError if the event does not follow from those before it.
    """
    if event.seq != account.events or event.cash != cash_of(account, event):
        raise ValueError(f"event {event.id} does not follow from the ledger of {account.name}")
    with localcontext(EXACT):
        after = replace(
            account,
            events=account.events + 1,
            cash=account.cash + event.cash,
            fees=account.fees + event.fee,
        )
        if event.kind is Kind.DEPOSIT:
            return replace(
                after,
                deposited=after.deposited + event.amount,
                opened_ms=event.at_ms if after.opened_ms is None else after.opened_ms,
            ), None
        if event.kind is Kind.OPEN:
            return _opened(after, event), None
        position = _position(account, event)
        if event.kind is Kind.CLOSE:
            return _reduced(after, position, event)
        if event.kind is Kind.FUNDING:
            total = position.funding + event.cash
            paid = replace(position, funding=total, funded_ms=event.at_ms)
            after = replace(after, funding=after.funding + event.cash)
            return _holding(after, paid), None
        return _holding(after, replace(position, stop=event.price)), None


def _opened(account: Account, event: Event) -> Account:
    assert event.symbol is not None
    assert event.prediction_id is not None
    assert event.side is not None
    assert event.terms is not None
    if event.symbol in account.positions:
        raise ValueError(f"event {event.id}: {account.name} holds {event.symbol} already")
    position = Position(
        symbol=event.symbol,
        side=event.side,
        prediction_id=event.prediction_id,
        opened=event.amount,
        amount=event.amount,
        entry=event.price,
        entry_ms=event.at_ms,
        terms=event.terms,
        stop=event.terms.stop,
        fees=event.fee,
    )
    account = replace(account, traded=account.traded + event.price * event.amount)
    return _holding(account, position)


def _reduced(account: Account, position: Position, event: Event) -> tuple[Account, Closed | None]:
    left = position.amount - event.amount
    if left < 0 or event.amount <= 0:
        raise ValueError(f"event {event.id} closes {event.amount} of {position.amount}")
    after = replace(
        position,
        amount=left,
        reached=position.reached + (event.reason or "").startswith("TP"),
        gross=position.gross + position.sign * (event.price - position.entry) * event.amount,
        proceeds=position.proceeds + event.price * event.amount,
        fees=position.fees + event.fee,
    )
    account = replace(account, traded=account.traded + event.price * event.amount)
    if event.reason == STOPPED:
        stopped = {**account.stopped_ms, position.symbol: event.at_ms}
        account = replace(account, stopped_ms=stopped)
    if left:
        return _holding(account, after), None
    positions = {s: p for s, p in account.positions.items() if s != position.symbol}
    return replace(account, positions=positions), Closed(after, event.at_ms, event.reason or "")


def _holding(account: Account, position: Position) -> Account:
    return replace(account, positions={**account.positions, position.symbol: position})


def _position(account: Account, event: Event) -> Position:
    position = account.positions.get(event.symbol or "")
    if position is None or position.prediction_id != event.prediction_id:
        raise ValueError(f"event {event.id}: {account.name} holds no such position")
    return position
