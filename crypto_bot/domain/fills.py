"""Fills: prices, fees, and rounding to ticks and lots."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import ROUND_UP, Context, Decimal, Inexact, InvalidOperation
from typing import NamedTuple

from crypto_bot.domain.quote import Instrument, Level

EXACT = Context(prec=96, traps=[Inexact, InvalidOperation])
"""Arithmetic of the ledger: an inexact result is an error."""
_ROUGH = Context(prec=96, traps=[InvalidOperation])
_BPS = Decimal(10_000)
_CENT = Decimal("1e-8")
"""Unit of fees, which are rounded up."""


class Costs(NamedTuple):
    """Trading costs, in basis points of the notional."""

    taker_bps: Decimal
    maker_bps: Decimal
    half_spread_bps: Decimal
    """Assumed when only a candle is known, no quote."""
    slippage_bps: Decimal
    """Assumed in addition to the spread."""
    cap_bps: Decimal
    """Maximum distance from the best price at which an entry takes order book levels."""

    @property
    def round_trip_bps(self) -> Decimal:
        """Of an entry and an exit at the market, where only candles are known."""
        return 2 * (self.taker_bps + self.half_spread_bps + self.slippage_bps)


class BookFill(NamedTuple):
    """Amount available in an order book, and its mean price."""

    price: Decimal
    amount: Decimal


def to_tick(price: Decimal, tick: Decimal, *, up: bool) -> Decimal:
    """`price` rounded up or down to a multiple of `tick`, at least one tick."""
    steps, rest = EXACT.divmod(price, tick)
    if rest and up:
        steps += 1
    return EXACT.multiply(max(steps, Decimal(1)), tick)


def to_lot(amount: Decimal, lot: Decimal) -> Decimal:
    """`amount` rounded down to a multiple of `lot`; may be 0."""
    return EXACT.multiply(EXACT.divmod(amount, lot)[0], lot)


def notional(price: Decimal, amount: Decimal) -> Decimal:
    """`price` times `amount`, exact."""
    return EXACT.multiply(price, amount)


def fee(value: Decimal, bps: Decimal) -> Decimal:
    """The fee on a notional, rounded up to 1e-8 of the quote currency."""
    return share_of(value, bps).quantize(_CENT, ROUND_UP, _ROUGH)


def share_of(value: Decimal, bps: Decimal) -> Decimal:
    """`bps` basis points of `value`, exact."""
    return EXACT.divide(EXACT.multiply(value, bps), _BPS)


def market_price(price: Decimal, costs: Costs, instrument: Instrument, *, buys: bool) -> Decimal:
    """Fill price of a market order at middle `price`, after assumed spread and slippage."""
    fill = _moved(price, EXACT.add(costs.half_spread_bps, costs.slippage_bps), up=buys)
    return to_tick(fill, instrument.tick, up=buys)


def _moved(price: Decimal, bps: Decimal, *, up: bool) -> Decimal:
    return (EXACT.add if up else EXACT.subtract)(price, share_of(price, bps))


def walk(
    levels: Sequence[Level], amount: Decimal, cap_bps: Decimal, tick: Decimal, *, buys: bool
) -> BookFill:
    """Fills `amount` from `levels`, the best first.

    Levels more than `cap_bps` from the best are not used, so the amount may be smaller. The
    mean price is rounded to `tick` against the taker.
    """
    best = levels[0].price
    limit = _moved(best, cap_bps, up=buys)
    taken = paid = Decimal(0)
    for level in levels:
        beyond = level.price > limit if buys else level.price < limit
        if beyond or taken >= amount:
            break
        part = min(level.amount, EXACT.subtract(amount, taken))
        taken = EXACT.add(taken, part)
        paid = EXACT.add(paid, notional(level.price, part))
    if not taken:
        return BookFill(best, taken)
    return BookFill(to_tick(_ROUGH.divide(paid, taken), tick, up=buys), taken)


def forced_price(
    levels: Sequence[Level], amount: Decimal, cap_bps: Decimal, tick: Decimal, *, buys: bool
) -> Decimal:
    """Mean price of closing all of `amount`; what the book lacks within the cap fills there."""
    found = walk(levels, amount, cap_bps, tick, buys=buys)
    lacking = EXACT.subtract(amount, found.amount)
    if not lacking:
        return found.price
    limit = _moved(levels[0].price, cap_bps, up=buys)
    paid = EXACT.add(notional(found.price, found.amount), notional(limit, lacking))
    return to_tick(_ROUGH.divide(paid, amount), tick, up=buys)


def assumed_instrument(symbol: str, price: Decimal) -> Instrument:
    """Likely tick, lot and minimum size of a coin of this price, if the exchange gave none.

    Prices have five significant digits or more, lots are worth a cent or less, orders at least 5.
    """
    magnitude = price.adjusted()
    return Instrument(
        symbol=symbol,
        tick=Decimal(1).scaleb(magnitude - 5),
        lot=Decimal(1).scaleb(-2 - magnitude),
        min_amount=Decimal(1).scaleb(-2 - magnitude),
        min_notional=Decimal(5),
    )
