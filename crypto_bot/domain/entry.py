"""Entries: amount, price and exit levels of a signal that the risk rules allow."""

from __future__ import annotations

from decimal import Decimal
from typing import NamedTuple

from crypto_bot.domain.exits import decimal, is_tradeable, terms
from crypto_bot.domain.fills import to_lot, walk
from crypto_bot.domain.ledger import Terms
from crypto_bot.domain.paper import Plan
from crypto_bot.domain.quote import Instrument, Level
from crypto_bot.domain.risk import Forbidden, RiskState, exposure_left, forbidden
from crypto_bot.domain.signal import Pred, Signal
from crypto_bot.domain.sizing import Bet, size_of

_BPS = Decimal(10_000)


class Offer(NamedTuple):
    """Prices at which a coin can be traded now: one price, or order book levels, best first."""

    price: Decimal
    instrument: Instrument
    levels: tuple[Level, ...] = ()


class Entry(NamedTuple):
    """A position to be opened."""

    price: Decimal
    amount: Decimal
    terms: Terms


def entry(
    plan: Plan, signal: Signal, state: RiskState, offer: Offer, *, late: bool
) -> Entry | Forbidden:
    """The entry of `plan` on `signal` at this offer, or the rule that forbids it."""
    no = forbidden(plan, signal, state, late=late)
    if no is not None:
        return no
    atr = decimal(signal.atr or 0.0)
    stop = plan.exits.stop_atr * atr
    if signal.pred is Pred.LONG and stop >= offer.price:
        return Forbidden("atr", f"a stop {stop} below {offer.price} would be below 0")
    wanted = _amount(plan, signal, state, offer, stop)
    if isinstance(wanted, Forbidden):
        return wanted
    buys = signal.pred is Pred.LONG
    price, amount, instrument = offer.price, wanted, offer.instrument
    if offer.levels:
        found = walk(offer.levels, wanted, plan.costs.cap_bps, instrument.tick, buys=buys)
        price, amount = found.price, to_lot(found.amount, instrument.lot)
    if not is_tradeable(price, amount, instrument):
        cap = plan.costs.cap_bps
        return Forbidden(
            "price", f"the order book has only {amount} within {cap:g} bp of the price"
        )
    bars = signal.horizon_bars if plan.exits.bars is None else plan.exits.bars
    agreed = terms(
        *(plan.exits, signal.pred, price, amount),
        atr=atr,
        instrument=instrument,
        expires_ms=signal.candle_open_ms + (bars + 1) * state.timeframe_ms,
        source=signal.source,
    )
    if agreed.stop == price:
        return Forbidden("atr", f"the stop is less than one tick ({instrument.tick}) from {price}")
    return Entry(price, amount, agreed)


def _amount(
    plan: Plan, signal: Signal, state: RiskState, offer: Offer, stop: Decimal
) -> Decimal | Forbidden:
    """The amount in whole lots; fee and slippage are included in the exposure caps."""
    costs = plan.costs
    bet = Bet(
        signal=signal,
        equity=state.equity,
        entry=offer.price,
        stop=stop,
        target=plan.exits.targets_atr[0] * stop / plan.exits.stop_atr,
        cost_bps=float(costs.round_trip_bps),
        timeframe_ms=state.timeframe_ms,
    )
    size = size_of(plan.sizing, bet)
    if size <= 0:
        return Forbidden("size", f"{plan.sizing.method.value}: no edge after costs")
    left = exposure_left(plan.rules, state.account, state)
    most = left / (1 + (costs.taker_bps + costs.cap_bps) / _BPS)
    amount = to_lot(min(size, most) / offer.price, offer.instrument.lot)
    if is_tradeable(offer.price, amount, offer.instrument):
        return amount
    if most < size:
        return Forbidden("exposure", f"the exposure caps allow only {left:.2f} more")
    least = offer.instrument.min_notional
    return Forbidden("size", f"{size:.2f} is below the minimum of the exchange ({least:g})")
