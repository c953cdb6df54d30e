"""What can be dealt at now: quotes, order books, and the steps in which an exchange counts."""

from __future__ import annotations

from decimal import Decimal
from typing import NamedTuple


class Quote(NamedTuple):
    """The best two prices of a coin as they stood at `at_ms`; `0 < bid <= ask`."""

    symbol: str
    bid: Decimal
    ask: Decimal
    at_ms: int


class Level(NamedTuple):
    """So much of a coin is offered at this price."""

    price: Decimal
    amount: Decimal


class OrderBook(NamedTuple):
    """The best levels of each side, the best first, as they stood at `at_ms`."""

    symbol: str
    bids: tuple[Level, ...]
    asks: tuple[Level, ...]
    at_ms: int


class Instrument(NamedTuple):
    """How finely an exchange counts a coin, and the least that it deals in."""

    symbol: str
    tick: Decimal
    lot: Decimal
    least_amount: Decimal
    least_worth: Decimal
    """In the quote currency."""


class Funding(NamedTuple):
    """Longs pay `rate` of a position's worth to shorts at `due_ms`; a negative one is received."""

    symbol: str
    due_ms: int
    rate: Decimal
