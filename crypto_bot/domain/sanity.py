"""Prices that jump: one reading is not believed, a second one is."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from crypto_bot.domain.quote import Quote


class SanityBand:
    """Lets quotes through; one beyond the band around the last waits for another to confirm it."""

    def __init__(self, band: Decimal) -> None:
        """`band` is a share of the price."""
        self._band = band
        self._last: dict[str, Decimal] = {}
        self._doubted: dict[str, Decimal] = {}

    def expect(self, prices: Mapping[str, Decimal]) -> None:
        """Around what the first quote of a coin should lie."""
        self._last = {**prices, **self._last}

    def accepted(self, quotes: Mapping[str, Quote]) -> dict[str, Quote]:
        """The quotes of one reading that can be believed."""
        return {symbol: quote for symbol, quote in quotes.items() if self._believes(quote)}

    def _believes(self, quote: Quote) -> bool:
        middle = (quote.bid + quote.ask) / 2
        last = self._last.get(quote.symbol)
        doubted = self._doubted.pop(quote.symbol, None)
        if last is None or self._near(middle, last):
            self._last[quote.symbol] = middle
            return True
        if doubted is not None and self._near(middle, doubted):
            self._last[quote.symbol] = middle
            return True
        self._doubted[quote.symbol] = middle
        return False

    def _near(self, price: Decimal, other: Decimal) -> bool:
        return abs(price - other) <= self._band * other
