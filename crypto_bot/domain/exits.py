"""Exits: the stop, the three partial targets, the trailing stop and the end of the time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal, localcontext
from functools import partial
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
GONE = "GONE"


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
    inside: Callable[[], Sequence[Candle]] = tuple,
) -> Path:
    """The exits of `position` along `candle`: the stop first, as the path within is unknown.

    Where the candle reaches the stop and a target, the shorter candles that `inside` gives, all of
    it or none, say which came first. A candle that opens beyond a level fills at its open. The
    high and low of the candle of the entry may precede the entry, so in that candle only the stop
    counts.
    """
    walk = _Walk(
        position,
        partial(market_price, costs=costs, instrument=instrument, buys=position.sign < 0),
    )
    best, worst = _extremes(candle, position.sign)
    held_at_open = candle.open_ms >= position.entry_ms
    if held_at_open:
        opened = decimal(candle.open)
        if candle.open_ms >= position.terms.expires_ms:
            walk.leave(TIMED, opened, candle.open_ms)
        walk.opens(opened, candle.open_ms)
        if walk.is_undecided(best, worst):
            for part in inside():
                walk.opens(decimal(part.open), close_ms)
                highest, lowest = _extremes(part, position.sign)
                walk.stop(lowest, position.stop, close_ms)
                walk.targets(highest, close_ms)
    walk.stop(worst, position.stop, close_ms)
    if held_at_open:
        walk.targets(best, close_ms)
    if close_ms >= position.terms.expires_ms:
        walk.leave(TIMED, decimal(candle.close), close_ms)
    return Path(walk.exits, walk.trailed(plan, best, instrument) if held_at_open else None)


def _extremes(candle: Candle, sign: int) -> tuple[Decimal, Decimal]:
    """The best and the worst price of a candle for a position of `sign`."""
    best, worst = decimal(candle.high), decimal(candle.low)
    return (best, worst) if sign > 0 else (worst, best)


def at_quote(position: Position, price: Decimal, at_ms: int) -> list[Exit]:
    """The exits of `position` at a quote; `price` is the best price for closing it now.

    A target fills at its own price, as a resting order; stop and time exits are market orders,
    whose price the caller may replace by that of the order book.
    """
    walk = _Walk(position, lambda quoted: quoted)
    walk.stop(price, price, at_ms)
    walk.targets(price, at_ms)
    if at_ms >= position.terms.expires_ms:
        walk.leave(TIMED, price, at_ms)
    return walk.exits


class _Walk:
    """The exits of a position at the prices that it meets, one after the other."""

    def __init__(self, position: Position, market: Callable[[Decimal], Decimal]) -> None:
        """`market` gives the fill price of a market order at a middle price."""
        self.exits: list[Exit] = []
        self._position = position
        self._market = market
        self._left = position.amount
        self._reached = position.reached

    def leave(self, reason: str, price: Decimal, at_ms: int) -> None:
        """Closes the rest by a market order."""
        if self._left:
            self.exits.append(Exit(reason, self._market(price), self._left, at_ms, maker=False))
            self._left = Decimal(0)

    def opens(self, price: Decimal, at_ms: int) -> None:
        """Fills at the open what it is beyond."""
        self.stop(price, price, at_ms)
        self.targets(price, at_ms, price)

    def is_undecided(self, best: Decimal, worst: Decimal) -> bool:
        """Whether both the stop and the next target lie within these prices."""
        targets = self._position.terms.targets[self._reached :]
        return bool(self._left and targets) and self._gained(
            worst, self._position.stop
        ) <= 0 <= self._gained(best, targets[0].price)

    def stop(self, met: Decimal, price: Decimal, at_ms: int) -> None:
        """Leaves at `price` if `met` is at the stop or beyond."""
        if self._gained(met, self._position.stop) <= 0:
            self.leave(stop_reason(self._position), price, at_ms)

    def targets(self, met: Decimal, at_ms: int, price: Decimal | None = None) -> None:
        """Fills the targets that `met` reaches, at `price` or each at its own."""
        for target in self._position.terms.targets[self._reached :]:
            if not self._left or self._gained(met, target.price) < 0:
                return
            self._reached += 1
            amount = min(target.amount, self._left)
            reason = f"TP{self._reached}"
            self.exits.append(Exit(reason, price or target.price, amount, at_ms, maker=True))
            self._left = EXACT.subtract(self._left, amount)

    def trailed(self, plan: ExitPlan, best: Decimal, instrument: Instrument) -> Decimal | None:
        """The new stop after the `best` price of a candle, if it moves."""
        if plan.trail_atr is None or not (self._left and self._reached):
            return None
        sign = self._position.sign
        with localcontext(EXACT):
            stop = best - sign * plan.trail_atr * self._position.terms.atr
        stop = to_tick(stop, instrument.tick, up=sign < 0)
        return stop if self._gained(stop, self._position.stop) > 0 else None

    def _gained(self, price: Decimal, level: Decimal) -> Decimal:
        """How far `price` is beyond `level` on the winning side."""
        return self._position.sign * EXACT.subtract(price, level)


def stop_reason(position: Position) -> str:
    """The reason of a stop exit; a trailed stop does not start the cooldown."""
    return STOPPED if position.stop == position.terms.stop else TRAILED
