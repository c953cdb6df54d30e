"""The equity of one paper account over time, and that of holding the coins instead."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal

from crypto_bot.domain.candle import Candle
from crypto_bot.domain.exits import decimal
from crypto_bot.domain.paper_report import EquityPoint
from crypto_bot.domain.sizing import DAY_MS

_PLACES = Decimal("1e-8")


class EquityCurve:
    """Midnights (UTC) and the newest point; all that the rules of risk ask of the past."""

    def __init__(self, start: Decimal, symbols: Sequence[str]) -> None:
        self.points: list[EquityPoint] = []
        self.peak = start
        """The highest equity since a person has resumed last."""
        self._start = start
        self._symbols = tuple(symbols)
        self._prices: dict[str, Decimal] = {}
        self._peak_from_ms = 0

    def begin(self, candles: Mapping[str, Candle]) -> None:
        """Holding all the coins begins at the closes of `candles`."""
        self._prices = {symbol: decimal(candle.close) for symbol, candle in candles.items()}

    def restore(self, points: Sequence[EquityPoint], resumed_ms: int | None) -> None:
        """Takes the stored points up."""
        self._peak_from_ms = resumed_ms or 0
        for point in points:
            self.add(point)

    def resumed(self, at_ms: int) -> None:
        """A person lets the account go on: the drawdown is measured from here."""
        if at_ms > self._peak_from_ms:
            self._peak_from_ms = at_ms
            self.peak = self.points[-1].equity if self.points else self._start

    def add(self, point: EquityPoint) -> None:
        """One more point, later than all others."""
        if self.points and self.points[-1].at_ms % DAY_MS:
            self.points.pop()
        self.points.append(point)
        later = point.at_ms > self._peak_from_ms
        self.peak = max(self.peak, point.equity) if later else point.equity

    def day_start(self, at_ms: int) -> Decimal:
        """Equity at the midnight before `at_ms`, or at the start of the account."""
        midnight_ms = at_ms // DAY_MS * DAY_MS
        before = [point.equity for point in self.points[-2:] if point.at_ms <= midnight_ms]
        return before[-1] if before else self._start

    def held(self, prices: Mapping[str, Decimal]) -> Decimal:
        """The start in equal parts of all coins; the part of one without a price stays cash."""
        part = self._start / len(self._symbols)
        total = Decimal(0)
        for symbol in self._symbols:
            start = self._prices.get(symbol)
            total += part if start is None else part * prices.get(symbol, start) / start
        return total.quantize(_PLACES)
