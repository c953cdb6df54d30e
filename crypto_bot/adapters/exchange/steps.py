"""How finely an exchange counts, from ccxt's market structures."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from crypto_bot.adapters.exchange.tickers import exact
from crypto_bot.domain.quote import Instrument

_FINEST = Decimal("1E-8")
"""Where an exchange does not say, or counts prices in significant digits."""


def coins_in_lot(market: Mapping[str, Any]) -> Decimal:
    """How many coins 1 is in amounts of `market`: contracts may be of a hundredth, or of ten."""
    size = market.get("contractSize")
    return Decimal(1) if size is None else exact(size)


def instrument(symbol: str, market: Mapping[str, Any], *, in_steps: bool) -> Instrument:
    """The steps and least sizes of `market`; where the exchange tells no least, one step is it.

    `in_steps` says whether its `precision` is a step, or else a number of decimals.
    """
    precision, limits = market["precision"], market["limits"]
    coins = coins_in_lot(market)
    tick = _step(precision.get("price"), in_steps=in_steps)
    lot = _step(precision.get("amount"), in_steps=in_steps) * coins
    least_amount = _least(limits, "amount") * coins
    return Instrument(symbol, tick, lot, max(lot, least_amount), _least(limits, "cost"))


def _step(told: Any, *, in_steps: bool) -> Decimal:
    if told is None:
        return _FINEST
    number = exact(told)
    step = number if in_steps else Decimal(10) ** -int(number)
    return step if step > 0 else _FINEST


def _least(limits: Mapping[str, Any], of: str) -> Decimal:
    told = (limits.get(of) or {}).get("min")
    return Decimal(0) if told is None else exact(told)
