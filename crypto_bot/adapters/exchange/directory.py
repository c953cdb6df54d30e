"""Who is who at an exchange: `BTCUSDT` here, `BTC/USDT` there."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from crypto_bot.domain.errors import ConfigError

MARKET_TYPES = {"spot": ("spot",), "swap": ("swap", "linear")}
"""Our market types, and the names under which exchanges list those with a linear payoff."""


def listings(
    markets: Iterable[Mapping[str, Any]], symbols: Sequence[str], market_type: str, exchange_id: str
) -> dict[str, str]:
    """The exchange's own symbol for each of `symbols`, from ccxt's market structures.

    A market is known by its base and quote joined; where two read the same (`AB`+`C`, `A`+`BC`),
    the one with that id at the exchange is meant. Contracts must settle in their quote.
    Raises ConfigError naming every symbol that is not traded there.
    """
    found: dict[str, Mapping[str, Any]] = {}
    for market in markets:
        if market.get("type") != market_type or market.get("linear") is False:
            continue
        name = f"{market['base']}{market['quote']}"
        if name not in found or market["id"] == name:
            found[name] = market
    unknown = [symbol for symbol in symbols if symbol not in found]
    paused = [s for s in symbols if s in found and found[s].get("active") is False]
    problems = [f"unknown: {', '.join(unknown)}"] * bool(unknown)
    problems += [f"not trading: {', '.join(paused)}"] * bool(paused)
    if problems:
        raise ConfigError(
            f"{exchange_id} has no {market_type} market for {'; '.join(problems)} "
            "(symbols are written as base and quote, e.g. BTCUSDT)"
        )
    return {symbol: found[symbol]["symbol"] for symbol in symbols}
