"""Entries: the amount, price and exits of a signal that the rules allow."""

from __future__ import annotations

from decimal import Decimal
from typing import NamedTuple

from crypto_bot.domain.exits import decimal, enough, terms
from crypto_bot.domain.fills import to_lot, walk
from crypto_bot.domain.ledger import Terms
from crypto_bot.domain.paper import Plan
from crypto_bot.domain.quote import Instrument, Level
from crypto_bot.domain.risk import Forbidden, Standing, forbidden, room
from crypto_bot.domain.signal import Pred, Signal
from crypto_bot.domain.sizing import Bet, worth_of

_BPS = Decimal(10_000)


class Offer(NamedTuple):
    """The price of a coin now: one price, or the levels of a book, best first."""

    price: Decimal
    instrument: Instrument
    levels: tuple[Level, ...] = ()


class Entry(NamedTuple):
    """A position to be opened."""

    price: Decimal
    amount: Decimal
    terms: Terms


def entry(
    plan: Plan, signal: Signal, standing: Standing, offer: Offer, *, late: bool
) -> Entry | Forbidden:
    """The entry of `plan` for `signal` at this offer, or the rule that forbids it."""
    no = forbidden(plan, signal, standing, late=late)
    if no is not None:
        return no
    atr = decimal(signal.atr or 0.0)
    stop = plan.exits.stop_atr * atr
    if signal.pred is Pred.LONG and stop >= offer.price:
        return Forbidden("atr", f"a stop {stop} below {offer.price} would be below 0")
    wanted = _amount(plan, signal, standing, offer, stop)
    if isinstance(wanted, Forbidden):
        return wanted
    buys = signal.pred is Pred.LONG
    price, amount, instrument = offer.price, wanted, offer.instrument
    if offer.levels:
        found = walk(offer.levels, wanted, plan.costs.cap_bps, instrument.tick, buys=buys)
        price, amount = found.price, to_lot(found.amount, instrument.lot)
    if not enough(price, amount, instrument):
        cap = plan.costs.cap_bps
        return Forbidden("price", f"the book has only {amount} within {cap:g} bp of the price")
    bars = signal.horizon_bars if plan.exits.bars is None else plan.exits.bars
    agreed = terms(
        *(plan.exits, signal.pred, price, amount),
        atr=atr,
        instrument=instrument,
        expires_ms=signal.candle_open_ms + (bars + 1) * standing.timeframe_ms,
        source=signal.source,
    )
    if agreed.stop == price:
        return Forbidden("atr", f"the stop is less than a step ({instrument.tick}) from {price}")
    return Entry(price, amount, agreed)


def _amount(
    plan: Plan, signal: Signal, standing: Standing, offer: Offer, stop: Decimal
) -> Decimal | Forbidden:
    """In whole lots; the caps hold with fee and slippage included."""
    costs = plan.costs
    bet = Bet(
        signal=signal,
        equity=standing.equity,
        entry=offer.price,
        stop=stop,
        target=plan.exits.targets_atr[0] * stop / plan.exits.stop_atr,
        cost_bps=float(2 * (costs.taker_bps + costs.half_spread_bps + costs.slippage_bps)),
        timeframe_ms=standing.timeframe_ms,
    )
    worth = worth_of(plan.sizing, bet)
    if worth <= 0:
        return Forbidden("size", f"{plan.sizing.method.value}: no edge after costs")
    left = room(plan.rules, standing.account, standing)
    most = left / (1 + (costs.taker_bps + costs.cap_bps) / _BPS)
    amount = to_lot(min(worth, most) / offer.price, offer.instrument.lot)
    if enough(offer.price, amount, offer.instrument):
        return amount
    if most < worth:
        return Forbidden("exposure", f"the caps leave room for {left:.2f} only")
    least = offer.instrument.least_worth
    return Forbidden("size", f"{worth:.2f} is less than the exchange deals in ({least:g})")
