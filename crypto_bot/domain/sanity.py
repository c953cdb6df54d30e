"""Price jumps: a quote far from the last one is accepted where the order book is there too."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from crypto_bot.domain.quote import OrderBook, Quote

_SAME = Decimal("0.005")


class SanityBand:
    """Accepts quotes near the last ones.

    One beyond the band needs the order book, which is another endpoint, at the same price, and no
    other coin with that price: a second reading of the same source confirms nothing.
    """

    def __init__(self, band: Decimal) -> None:
        """`band` is a share of the price."""
        self._band = band
        self._last: dict[str, Decimal] = {}
        self.refused: dict[str, str] = {}
        """Why quotes of the last reading were not accepted, by symbol."""

    def expect(self, prices: Mapping[str, Decimal]) -> None:
        """Sets the prices near which the next quotes are expected, as closes of candles are."""
        self._last |= prices

    def far(self, quotes: Mapping[str, Quote]) -> set[str]:
        """Coins of which the order book decides."""
        return {
            symbol
            for symbol, quote in quotes.items()
            if symbol in self._last and not self._near(_middle(quote), self._last[symbol])
        }

    def accepted(
        self, quotes: Mapping[str, Quote], books: Mapping[str, OrderBook]
    ) -> dict[str, Quote]:
        """The accepted quotes of one reading."""
        far = self.far(quotes)
        sure = {symbol: _middle(quotes[symbol]) for symbol in quotes.keys() - far}
        self.refused = {}
        for symbol in sorted(far):
            why = self._doubt(_middle(quotes[symbol]), books.get(symbol), sure)
            if why is not None:
                self.refused[symbol] = f"{symbol} is quoted far from {self._last[symbol]}, {why}"
        found = {symbol: each for symbol, each in quotes.items() if symbol not in self.refused}
        self._last |= {symbol: _middle(quote) for symbol, quote in found.items()}
        return found

    def _doubt(
        self, price: Decimal, book: OrderBook | None, sure: Mapping[str, Decimal]
    ) -> str | None:
        other = next((o for o, at in sure.items() if abs(price - at) <= _SAME * at), None)
        if other is not None:
            return f"at {price}, as {other} is"
        if book is None:
            return f"at {price}, and its order book cannot be read"
        sides = [levels[0].price for levels in (book.bids, book.asks) if levels]
        if not sides or not self._near(sum(sides, Decimal(0)) / len(sides), price):
            return f"at {price}, where its order book is not"
        return None

    def _near(self, price: Decimal, other: Decimal) -> bool:
        return abs(price - other) <= self._band * other


def _middle(quote: Quote) -> Decimal:
    return (quote.bid + quote.ask) / 2
