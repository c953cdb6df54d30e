"""Quotes, order books, and the tick and lot sizes of an exchange."""

from __future__ import annotations

from decimal import Decimal
from typing import NamedTuple


class Quote(NamedTuple):
    """Best bid and ask of a coin at `at_ms`; `0 < bid <= ask`."""

    symbol: str
    bid: Decimal
    ask: Decimal
    at_ms: int


class Level(NamedTuple):
    """An order book level: amount at a price."""

    price: Decimal
    amount: Decimal


class OrderBook(NamedTuple):
    """The best levels of each side at `at_ms`, the best first."""

    symbol: str
    bids: tuple[Level, ...]
    asks: tuple[Level, ...]
    at_ms: int


class Instrument(NamedTuple):
    """Tick and lot size of a coin, and the minimum order size."""

    symbol: str
    tick: Decimal
    lot: Decimal
    min_amount: Decimal
    min_notional: Decimal
    """In the quote currency."""


class Funding(NamedTuple):
    """Longs pay `rate` of the notional to shorts at `due_ms`, or receive it if negative."""

    symbol: str
    due_ms: int
    rate: Decimal
