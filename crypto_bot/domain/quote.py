"""Quotes, order books, funding, and the ticks and lots of an exchange."""

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
    """An amount offered at a price."""

    price: Decimal
    amount: Decimal


class OrderBook(NamedTuple):
    """The best levels of each side, the best first, as they stood at `at_ms`."""

    symbol: str
    bids: tuple[Level, ...]
    asks: tuple[Level, ...]
    at_ms: int


class Instrument(NamedTuple):
    """Tick, lot and least sizes of a coin at an exchange."""

    symbol: str
    tick: Decimal
    lot: Decimal
    least_amount: Decimal
    least_worth: Decimal
    """In the quote currency."""


class Funding(NamedTuple):
    """Longs pay `rate` of the notional to shorts at `due_ms`; they receive a negative one."""

    symbol: str
    due_ms: int
    rate: Decimal
