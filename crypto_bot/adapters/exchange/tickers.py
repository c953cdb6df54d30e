"""Raw tickers, books and funding rows of ccxt, and the prices that they must be."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal, InvalidOperation
from itertools import pairwise
from typing import Any, NamedTuple

from crypto_bot.domain.errors import BadPrices
from crypto_bot.domain.quote import Funding, Level, OrderBook, Quote

STALE_MS = 60_000
"""A price may be this much older than the request for it, and by clocks that differ, newer."""


class Asking(NamedTuple):
    """Who was asked for a price, and when: sent and answered, UTC milliseconds."""

    origin: str
    sent_ms: int
    came_ms: int


def exact(value: Any) -> Decimal:
    """The number that the exchange wrote, which ccxt gives as text or as a float.

    A float's shortest text is what was written for as many as 15 significant digits (IEEE 754,
    DBL_DIG), so no noise of binary fractions comes in. Raises ValueError where it is no finite
    number.
    """
    try:
        number = Decimal(str(value))
    except InvalidOperation as e:
        raise ValueError(f"{value!r} is no number") from e
    _require(number.is_finite(), f"{value!r} is no number")
    return number


def positive(value: Any) -> Decimal:
    """As `exact`; raises ValueError also where it is not above zero."""
    number = exact(value)
    _require(number > 0, f"{value!r} is not above zero")
    return number


def sound_quote(symbol: str, ticker: Mapping[str, Any], asking: Asking) -> Quote:
    """The quote that `ticker` tells.

    Where the exchange does not say of when it is, it is no older than the request. Raises BadPrices
    where a side is missing or no price, where the bid is above the ask, and where it is stale.
    """
    try:
        bid, ask = positive(ticker["bid"]), positive(ticker["ask"])
        _require(bid <= ask, f"bid {bid} is above ask {ask}")
        at_ms = _stamp(ticker.get("timestamp"), asking)
    except (ArithmeticError, LookupError, TypeError, ValueError) as e:
        raise BadPrices(f"{symbol} from {asking.origin} is not quoted: {e}") from e
    return Quote(symbol, bid, ask, at_ms)


def sound_book(
    symbol: str, told: Mapping[str, Any], coins_in_lot: Decimal, asking: Asking
) -> OrderBook:
    """The book that `told` is, its amounts in coins.

    Raises BadPrices where a side is empty or has a level twice, where the sides cross, where a
    number is none or not above zero, and where it is stale.
    """
    try:
        bids, asks = (_levels(told[side], coins_in_lot) for side in ("bids", "asks"))
        bid, ask = bids[0].price, asks[0].price
        _require(bid <= ask, f"bid {bid} is above ask {ask}")
        _require(all(a.price > b.price for a, b in pairwise(bids)), "bids are not in order")
        _require(all(a.price < b.price for a, b in pairwise(asks)), "asks are not in order")
        at_ms = _stamp(told.get("timestamp"), asking)
    except (ArithmeticError, LookupError, TypeError, ValueError) as e:
        raise BadPrices(f"the book of {symbol} from {asking.origin} cannot be true: {e}") from e
    return OrderBook(symbol, bids, asks, at_ms)


def sound_funding(symbol: str, row: Mapping[str, Any], origin: str) -> Funding:
    """What one row says became due. Raises BadPrices where it is no rate, or one of 1 and more."""
    try:
        rate, due_ms = exact(row["fundingRate"]), int(row["timestamp"])
        _require(abs(rate) < 1, f"a rate of {rate} is beyond belief")
    except (ArithmeticError, LookupError, TypeError, ValueError) as e:
        raise BadPrices(f"funding of {symbol} from {origin} cannot be true: {e}") from e
    return Funding(symbol, due_ms, rate)


def _levels(rows: Sequence[Any], coins_in_lot: Decimal) -> tuple[Level, ...]:
    _require(bool(rows), "a side is empty")
    return tuple(Level(positive(row[0]), positive(row[1]) * coins_in_lot) for row in rows)


def _stamp(told_ms: Any, asking: Asking) -> int:
    if told_ms is None:
        return asking.sent_ms
    at_ms = int(told_ms)
    fresh = asking.sent_ms - STALE_MS <= at_ms <= asking.came_ms + STALE_MS
    _require(fresh, f"it is of {at_ms}, asked for at {asking.sent_ms}")
    return at_ms


def _require(true: bool, otherwise: str) -> None:
    if not true:
        raise ValueError(otherwise)
