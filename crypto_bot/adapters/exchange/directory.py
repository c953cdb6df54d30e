"""Who is who at an exchange: `BTCUSDT` here, `BTC/USDT` there."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

MARKET_TYPES = {"spot": ("spot",), "swap": ("swap", "linear")}
"""Our market types, and the names under which exchanges list those with a linear payoff."""


class Directory(NamedTuple):
    """What an exchange says of our coins.

    `listings`: its own symbol for each that it lists; `halted` of these do not trade now; `absent`
    are those that it does not list.
    """

    listings: dict[str, str]
    halted: frozenset[str]
    absent: frozenset[str]


def directory(
    markets: Iterable[Mapping[str, Any]], symbols: Sequence[str], market_type: str
) -> Directory:
    """From ccxt's market structures.

    A market is known by its base and quote joined; where two read the same (`AB`+`C`, `A`+`BC`),
    the one with that id at the exchange is meant. Contracts must settle in their quote.
    """
    found: dict[str, Mapping[str, Any]] = {}
    for market in markets:
        if market.get("type") != market_type or market.get("linear") is False:
            continue
        name = f"{market['base']}{market['quote']}"
        if name not in found or market["id"] == name:
            found[name] = market
    return Directory(
        {symbol: found[symbol]["symbol"] for symbol in symbols if symbol in found},
        frozenset(s for s in symbols if s in found and found[s].get("active") is False),
        frozenset(symbol for symbol in symbols if symbol not in found),
    )
