"""Fills: at which price so much of a coin is dealt, what it costs, and in which steps it counts."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import ROUND_UP, Context, Decimal, Inexact, InvalidOperation
from typing import NamedTuple

from crypto_bot.domain.quote import Instrument, Level

EXACT = Context(prec=96, traps=[Inexact, InvalidOperation])
"""Arithmetic of the ledger: whatever cannot be said to the last digit is an error."""
_ROUGH = Context(prec=96, traps=[InvalidOperation])
_BPS = Decimal(10_000)
_CENT = Decimal("1e-8")
"""Fees are counted in these, rounded up."""


class Costs(NamedTuple):
    """What dealing costs, in basis points of the worth dealt."""

    taker_bps: Decimal
    maker_bps: Decimal
    half_spread_bps: Decimal
    """Assumed where there is no quote, only a candle."""
    slippage_bps: Decimal
    """Likewise, on top."""
    cap_bps: Decimal
    """How far beyond the best price an entry may eat into the book."""


class Walked(NamedTuple):
    """So much was found in a book, at this mean price."""

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
    """The fee on so much worth, in 1e-8 of the quote currency, rounded up."""
    return share_of(dealt, bps).quantize(_CENT, ROUND_UP, _ROUGH)


def share_of(dealt: Decimal, bps: Decimal) -> Decimal:
    """So many basis points of it, to the last digit."""
    return EXACT.divide(EXACT.multiply(dealt, bps), _BPS)


def market_price(price: Decimal, costs: Costs, instrument: Instrument, *, buys: bool) -> Decimal:
    """What a market order gets where only the middle `price` is known: spread and slippage off."""
    worse = share_of(price, EXACT.add(costs.half_spread_bps, costs.slippage_bps))
    dealt = EXACT.add(price, worse) if buys else EXACT.subtract(price, worse)
    return to_tick(dealt, instrument.tick, up=buys)


def walk(
    levels: Sequence[Level], amount: Decimal, cap_bps: Decimal, tick: Decimal, *, buys: bool
) -> Walked:
    """Takes `amount` from `levels`, the best first, as far as the cap lets it.

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
    """What closing all of `amount` gets: what the book lacks within the cap is dealt at the cap."""
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
    """How a coin of this price is likely to be counted, where the exchange has not said.

    Prices of five significant digits or more, lots worth a cent or less, at least 5 a deal.
    """
    magnitude = price.adjusted()
    return Instrument(
        symbol=symbol,
        tick=Decimal(1).scaleb(magnitude - 5),
        lot=Decimal(1).scaleb(-2 - magnitude),
        least_amount=Decimal(1).scaleb(-2 - magnitude),
        least_worth=Decimal(5),
    )
