"""Symbols as people name them: `BTC` or `btcusdt` for `BTCUSDT`."""

from __future__ import annotations

from collections.abc import Collection

_QUOTES = ("", "USDT", "USDC", "FDUSD", "USD", "EUR", "BTC")


def symbol_named(name: str, known: Collection[str]) -> str | None:
    """The one of `known` that is `name`, or that trades the asset `name`; None: there is none."""
    found = (f"{name.upper()}{quote}" for quote in _QUOTES)
    return next((symbol for symbol in found if symbol in known), None)
