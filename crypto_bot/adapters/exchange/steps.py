"""Tick, lot and least sizes of an exchange, from ccxt's market structures."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from crypto_bot.adapters.exchange.tickers import exact
from crypto_bot.domain.quote import Instrument

_FINEST = Decimal("1E-8")
"""Where an exchange gives none, or counts prices in significant digits."""


def coins_in_lot(market: Mapping[str, Any]) -> Decimal:
    """Coins in one unit of an amount of `market`: a contract may be a hundredth, or ten."""
    size = market.get("contractSize")
    return Decimal(1) if size is None else exact(size)


def instrument(symbol: str, market: Mapping[str, Any], *, in_steps: bool) -> Instrument:
    """The steps and least sizes of `market`; a least amount that is not given is one step.

    `in_steps`: its `precision` is a step, otherwise a number of decimals.
    """
    precision, limits = market["precision"], market["limits"]
    coins = coins_in_lot(market)
    tick = _step(precision.get("price"), in_steps=in_steps)
    lot = _step(precision.get("amount"), in_steps=in_steps) * coins
    min_amount = _least(limits, "amount") * coins
    return Instrument(symbol, tick, lot, max(lot, min_amount), _least(limits, "cost"))


def _step(precision: Any, *, in_steps: bool) -> Decimal:
    if precision is None:
        return _FINEST
    number = exact(precision)
    step = number if in_steps else Decimal(10) ** -int(number)
    return step if step > 0 else _FINEST


def _least(limits: Mapping[str, Any], of: str) -> Decimal:
    least = (limits.get(of) or {}).get("min")
    return Decimal(0) if least is None else exact(least)
