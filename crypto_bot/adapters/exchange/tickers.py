"""Raw tickers, books and funding rows of ccxt, validated."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal, InvalidOperation
from itertools import pairwise
from typing import Any, NamedTuple

from crypto_bot.domain.errors import BadPrices
from crypto_bot.domain.quote import Funding, Level, OrderBook, Quote

STALE_MS = 60_000
"""A price may be this much older than its request or, as clocks differ, newer."""


class Request(NamedTuple):
    """The exchange asked for a price, and when: sent and received, UTC milliseconds."""

    origin: str
    sent_ms: int
    received_ms: int


def exact(value: Any) -> Decimal:
    """The number that the exchange wrote, which ccxt gives as text or as a float.

    A float's shortest text is exact for up to 15 significant digits (IEEE 754, DBL_DIG). Raises
    ValueError where it is no finite number.
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


def sound_quote(symbol: str, ticker: Mapping[str, Any], request: Request) -> Quote:
    """The quote of `ticker`.

    Without a timestamp it has that of the request. Raises BadPrices where a side is missing or no
    price, where the bid is above the ask, and where it is stale.
    """
    try:
        bid, ask = positive(ticker["bid"]), positive(ticker["ask"])
        _require(bid <= ask, f"bid {bid} is above ask {ask}")
        at_ms = _stamp(ticker.get("timestamp"), request)
    except (ArithmeticError, LookupError, TypeError, ValueError) as e:
        raise BadPrices(f"{symbol} from {request.origin} is not quoted: {e}") from e
    return Quote(symbol, bid, ask, at_ms)


def sound_book(
    symbol: str, raw: Mapping[str, Any], coins_in_lot: Decimal, request: Request
) -> OrderBook:
    """The book of `raw`, its amounts in coins.

    Raises BadPrices where a side is empty or has a level twice, where the sides cross, where a
    number is invalid, and where it is stale.
    """
    try:
        bids, asks = (_levels(raw[side], coins_in_lot) for side in ("bids", "asks"))
        bid, ask = bids[0].price, asks[0].price
        _require(bid <= ask, f"bid {bid} is above ask {ask}")
        _require(all(a.price > b.price for a, b in pairwise(bids)), "bids are not in order")
        _require(all(a.price < b.price for a, b in pairwise(asks)), "asks are not in order")
        at_ms = _stamp(raw.get("timestamp"), request)
    except (ArithmeticError, LookupError, TypeError, ValueError) as e:
        raise BadPrices(f"the book of {symbol} from {request.origin} is invalid: {e}") from e
    return OrderBook(symbol, bids, asks, at_ms)


def sound_funding(symbol: str, row: Mapping[str, Any], origin: str) -> Funding:
    """The funding of one row. Raises BadPrices where the rate is no number, or 1 or more."""
    try:
        rate, due_ms = exact(row["fundingRate"]), int(row["timestamp"])
        _require(abs(rate) < 1, f"a rate of {rate} is 1 or more")
    except (ArithmeticError, LookupError, TypeError, ValueError) as e:
        raise BadPrices(f"funding of {symbol} from {origin} is invalid: {e}") from e
    return Funding(symbol, due_ms, rate)


def _levels(rows: Sequence[Any], coins_in_lot: Decimal) -> tuple[Level, ...]:
    _require(bool(rows), "a side is empty")
    return tuple(Level(positive(row[0]), positive(row[1]) * coins_in_lot) for row in rows)


def _stamp(stamp_ms: Any, request: Request) -> int:
    if stamp_ms is None:
        return request.sent_ms
    at_ms = int(stamp_ms)
    fresh = request.sent_ms - STALE_MS <= at_ms <= request.received_ms + STALE_MS
    _require(fresh, f"it is of {at_ms}, asked for at {request.sent_ms}")
    return at_ms


def _require(true: bool, otherwise: str) -> None:
    if not true:
        raise ValueError(otherwise)
