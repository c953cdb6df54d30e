"""Exits: the stop, the three partial targets, the trailing stop and the end of the time."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal, localcontext
from typing import NamedTuple

from crypto_bot.domain.candle import Candle
from crypto_bot.domain.fills import EXACT, Costs, market_price, to_lot, to_tick
from crypto_bot.domain.ledger import STOPPED, Position, Target, Terms
from crypto_bot.domain.paper import ExitPlan
from crypto_bot.domain.quote import Instrument
from crypto_bot.domain.signal import Pred, Source

TRAILED = "TRAIL"
TIMED = "TIME"
KILLED = "KILL"


class Exit(NamedTuple):
    """Closes `amount` at `price`; a `maker` exit is a resting limit order."""

    reason: str
    price: Decimal
    amount: Decimal
    at_ms: int
    maker: bool


class Path(NamedTuple):
    """The exits of a position along one candle."""

    exits: list[Exit]
    stop: Decimal | None
    """The new stop at the candle's close; None: unchanged."""


def decimal(price: float) -> Decimal:
    """The shortest decimal equal to this float: the number as sent by the exchange."""
    return Decimal(repr(price))


def terms(
    plan: ExitPlan,
    side: Pred,
    entry: Decimal,
    amount: Decimal,
    *,
    atr: Decimal,
    instrument: Instrument,
    expires_ms: int,
    source: Source,
) -> Terms:
    """Stop and targets of a position that is opened at `entry`; `atr` in price units."""
    is_long = side is Pred.LONG
    sign = 1 if is_long else -1
    with localcontext(EXACT):
        stop = to_tick(entry - sign * plan.stop_atr * atr, instrument.tick, up=not is_long)
        prices = [
            to_tick(entry + sign * reach * atr, instrument.tick, up=is_long)
            for reach in plan.targets_atr
        ]
    targets = _targets(prices, plan.parts, amount, instrument)
    return Terms(stop, targets, expires_ms, atr, source)


def _targets(
    prices: Sequence[Decimal], parts: Sequence[Decimal], amount: Decimal, instrument: Instrument
) -> tuple[Target, ...]:
    """Parts in whole lots; parts below the minimum size are merged with the next."""
    targets = []
    left, carried = amount, Decimal(0)
    with localcontext(EXACT):
        for price, part in zip(prices[:-1], parts, strict=False):
            wanted = to_lot(amount * part, instrument.lot) + carried
            if wanted >= left or not is_tradeable(price, left - wanted, instrument):
                break
            if not is_tradeable(price, wanted, instrument):
                carried = wanted
                continue
            targets.append(Target(price, wanted))
            left, carried = left - wanted, Decimal(0)
        else:
            return (*targets, Target(prices[-1], left))
    return (*targets, Target(price, left))


def is_tradeable(price: Decimal, amount: Decimal, instrument: Instrument) -> bool:
    """Whether the order reaches the minimum size of the exchange."""
    return (
        amount >= instrument.min_amount and EXACT.multiply(price, amount) >= instrument.min_notional
    )


def along_candle(
    position: Position,
    candle: Candle,
    close_ms: int,
    *,
    plan: ExitPlan,
    costs: Costs,
    instrument: Instrument,
) -> Path:
    """The exits of `position` along `candle`: the stop first, as the path within is unknown.

    A candle that opens beyond a level fills at its open. The high and low of the candle of the
    entry may precede the entry, so in that candle only the stop counts.
    """
    walk = _Walk(position, candle, close_ms, costs=costs, instrument=instrument)
    if candle.open_ms < position.entry_ms:
        walk.stop_within()
        walk.time_out(position.terms.expires_ms)
        return Path(walk.exits, None)
    if candle.open_ms >= position.terms.expires_ms:
        walk.leave(TIMED, walk.opened, candle.open_ms)
    walk.stop_at_open()
    walk.targets_at_open()
    walk.stop_within()
    walk.targets_within()
    walk.time_out(position.terms.expires_ms)
    return Path(walk.exits, walk.trailed(plan))


class _Walk:
    """One candle seen from the side of a position."""

    def __init__(
        self,
        position: Position,
        candle: Candle,
        close_ms: int,
        *,
        costs: Costs,
        instrument: Instrument,
    ) -> None:
        is_long = position.side is Pred.LONG
        self._position = position
        self._sign = position.sign
        self._open_ms = candle.open_ms
        self._close_ms = close_ms
        self._costs = costs
        self._instrument = instrument
        self.opened = decimal(candle.open)
        self._best = decimal(candle.high if is_long else candle.low)
        self._worst = decimal(candle.low if is_long else candle.high)
        self._closed = decimal(candle.close)
        self._left = position.amount
        self._reached = position.reached
        self.exits: list[Exit] = []

    def leave(self, reason: str, price: Decimal, at_ms: int) -> None:
        """Closes the rest by a market order at the middle price `price`."""
        if self._left:
            buys = self._sign < 0
            fill = market_price(price, self._costs, self._instrument, buys=buys)
            self.exits.append(Exit(reason, fill, self._left, at_ms, maker=False))
            self._left = Decimal(0)

    def stop_at_open(self) -> None:
        if not self._beyond(self.opened, self._position.stop, above=False):
            return
        self.leave(stop_reason(self._position), self.opened, self._open_ms)

    def stop_within(self) -> None:
        stop = self._position.stop
        if self._beyond(self._worst, stop, above=False):
            self.leave(stop_reason(self._position), stop, self._close_ms)

    def targets_at_open(self) -> None:
        for target in self._open_targets():
            if not self._beyond(self.opened, target.price, above=True):
                return
            self._reach(target, self.opened, self._open_ms)

    def targets_within(self) -> None:
        for target in self._open_targets():
            if not self._beyond(self._best, target.price, above=True):
                return
            self._reach(target, target.price, self._close_ms)

    def time_out(self, expires_ms: int) -> None:
        if self._close_ms >= expires_ms:
            self.leave(TIMED, self._closed, self._close_ms)

    def trailed(self, plan: ExitPlan) -> Decimal | None:
        if plan.trail_atr is None or not (self._left and self._reached):
            return None
        with localcontext(EXACT):
            stop = self._best - self._sign * plan.trail_atr * self._position.terms.atr
        tick = self._instrument.tick
        stop = to_tick(stop, tick, up=self._sign < 0)
        moved = EXACT.subtract(stop, self._position.stop)
        return stop if self._sign * moved > 0 else None

    def _open_targets(self) -> tuple[Target, ...]:
        return self._position.terms.targets[self._reached :] if self._left else ()

    def _reach(self, target: Target, price: Decimal, at_ms: int) -> None:
        self._reached += 1
        amount = min(target.amount, self._left)
        self.exits.append(Exit(f"TP{self._reached}", price, amount, at_ms, maker=True))
        self._left = EXACT.subtract(self._left, amount)

    def _beyond(self, price: Decimal, level: Decimal, *, above: bool) -> bool:
        """Whether `price` is at or beyond `level`, on the winning (`above`) or losing side."""
        moved = self._sign * EXACT.subtract(price, level)
        return moved >= 0 if above else moved <= 0


def at_quote(position: Position, price: Decimal, at_ms: int) -> list[Exit]:
    """The exits of `position` at a quote; `price` is the best price for closing it now.

    A target fills at its own price, as a resting order; stop and time exits are market orders,
    whose price the caller may replace by that of the order book.
    """
    sign = position.sign
    if sign * EXACT.subtract(price, position.stop) <= 0:
        return [Exit(stop_reason(position), price, position.amount, at_ms, maker=False)]
    exits = []
    left = position.amount
    for number, target in enumerate(position.terms.targets[position.reached :], position.reached):
        if sign * EXACT.subtract(price, target.price) < 0:
            break
        amount = min(target.amount, left)
        exits.append(Exit(f"TP{number + 1}", target.price, amount, at_ms, maker=True))
        left = EXACT.subtract(left, amount)
    if left and at_ms >= position.terms.expires_ms:
        exits.append(Exit(TIMED, price, left, at_ms, maker=False))
    return exits


def stop_reason(position: Position) -> str:
    """The reason of a stop exit; a trailed stop does not start the cooldown."""
    return STOPPED if position.stop == position.terms.stop else TRAILED
