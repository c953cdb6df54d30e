"""Fills: prices and costs of orders, and rounding to ticks and lots."""

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
"""Fees are counted in these, rounded up."""


class Costs(NamedTuple):
    """Trading costs, in basis points of the notional."""

    taker_bps: Decimal
    maker_bps: Decimal
    half_spread_bps: Decimal
    """Assumed where there is no quote, only a candle."""
    slippage_bps: Decimal
    """Added to it."""
    cap_bps: Decimal
    """How far from the best price an entry may take levels of the book."""


class Walked(NamedTuple):
    """The amount found in a book and its mean price."""

    price: Decimal
    amount: Decimal


def to_tick(price: Decimal, tick: Decimal, *, up: bool) -> Decimal:
    """The multiple of `tick` at or above `price`, or at or below it, but never 0."""
    steps, rest = EXACT.divmod(price, tick)
    if rest and up:
        steps += 1
    return EXACT.multiply(max(steps, Decimal(1)), tick)


def to_lot(amount: Decimal, lot: Decimal) -> Decimal:
    """The greatest multiple of `lot` that is not above `amount`; it may be 0."""
    return EXACT.multiply(EXACT.divmod(amount, lot)[0], lot)


def worth(price: Decimal, amount: Decimal) -> Decimal:
    """Exactly `price` times `amount`."""
    return EXACT.multiply(price, amount)


def fee(dealt: Decimal, bps: Decimal) -> Decimal:
    """The fee on `worth`, rounded up to 1e-8 of the quote currency."""
    return share_of(dealt, bps).quantize(_CENT, ROUND_UP, _ROUGH)


def share_of(dealt: Decimal, bps: Decimal) -> Decimal:
    """`bps` basis points of it, exactly."""
    return EXACT.divide(EXACT.multiply(dealt, bps), _BPS)


def market_price(price: Decimal, costs: Costs, instrument: Instrument, *, buys: bool) -> Decimal:
    """The price of a market order from the middle `price`: less spread and slippage."""
    worse = share_of(price, EXACT.add(costs.half_spread_bps, costs.slippage_bps))
    dealt = EXACT.add(price, worse) if buys else EXACT.subtract(price, worse)
    return to_tick(dealt, instrument.tick, up=buys)


def walk(
    levels: Sequence[Level], amount: Decimal, cap_bps: Decimal, tick: Decimal, *, buys: bool
) -> Walked:
    """Takes `amount` from `levels`, best first, up to the cap.

    Prices beyond `cap_bps` of the best are left alone, so the amount may come out smaller. The
    mean price is rounded to `tick` against the taker.
    """
    best = levels[0].price
    reach = share_of(best, cap_bps)
    limit = EXACT.add(best, reach) if buys else EXACT.subtract(best, reach)
    taken = paid = Decimal(0)
    for level in levels:
        beyond = level.price > limit if buys else level.price < limit
        if beyond or taken >= amount:
            break
        part = min(level.amount, EXACT.subtract(amount, taken))
        taken = EXACT.add(taken, part)
        paid = EXACT.add(paid, worth(level.price, part))
    if not taken:
        return Walked(best, taken)
    return Walked(to_tick(_ROUGH.divide(paid, taken), tick, up=buys), taken)


def forced_price(
    levels: Sequence[Level], amount: Decimal, cap_bps: Decimal, tick: Decimal, *, buys: bool
) -> Decimal:
    """The fill of closing all of `amount`: the cap is the price of what the book lacks."""
    found = walk(levels, amount, cap_bps, tick, buys=buys)
    lacking = EXACT.subtract(amount, found.amount)
    if not lacking:
        return found.price
    best = levels[0].price
    reach = share_of(best, cap_bps)
    limit = EXACT.add(best, reach) if buys else EXACT.subtract(best, reach)
    paid = EXACT.add(worth(found.price, found.amount), worth(limit, lacking))
    return to_tick(_ROUGH.divide(paid, amount), tick, up=buys)


def supposed_instrument(symbol: str, price: Decimal) -> Instrument:
    """Likely steps of a coin of this price, where the exchange gives none.

    Prices of five significant digits or more, lots worth a cent or less, orders of at least 5.
    """
    magnitude = price.adjusted()
    return Instrument(
        symbol=symbol,
        tick=Decimal(1).scaleb(magnitude - 5),
        lot=Decimal(1).scaleb(-2 - magnitude),
        least_amount=Decimal(1).scaleb(-2 - magnitude),
        least_worth=Decimal(5),
    )
