"""Price jumps: a quote far from the last one is accepted only when confirmed."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from crypto_bot.domain.quote import Quote


class SanityBand:
    """Accepts quotes; one beyond the band around the last must be confirmed by the next."""

    def __init__(self, band: Decimal) -> None:
        """`band` is a share of the price."""
        self._band = band
        self._last: dict[str, Decimal] = {}
        self._unconfirmed: dict[str, Decimal] = {}

    def expect(self, prices: Mapping[str, Decimal]) -> None:
        """Sets the prices near which the first quotes are expected."""
        self._last = {**prices, **self._last}

    def accepted(self, quotes: Mapping[str, Quote]) -> dict[str, Quote]:
        """The accepted quotes of one reading."""
        return {symbol: quote for symbol, quote in quotes.items() if self._accepts(quote)}

    def _accepts(self, quote: Quote) -> bool:
        middle = (quote.bid + quote.ask) / 2
        last = self._last.get(quote.symbol)
        unconfirmed = self._unconfirmed.pop(quote.symbol, None)
        if last is None or any(
            self._near(middle, other) for other in (last, unconfirmed) if other is not None
        ):
            self._last[quote.symbol] = middle
            return True
        self._unconfirmed[quote.symbol] = middle
        return False

    def _near(self, price: Decimal, other: Decimal) -> bool:
        return abs(price - other) <= self._band * other
