"""The equity curve of one paper account, and of buying and holding the coins instead."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from decimal import Decimal

from crypto_bot.domain.candle import Candle
from crypto_bot.domain.exits import decimal
from crypto_bot.domain.instant import DAY_MS
from crypto_bot.domain.ledger import drawdown
from crypto_bot.domain.paper_report import EquityPoint

_PLACES = Decimal("1e-8")
_RECENT = 300


class EquityCurve:
    """A bounded number of equity points, for statistics and risk rules."""

    def __init__(self, start: Decimal, symbols: Sequence[str]) -> None:
        self.points: list[EquityPoint] = []
        """The first point, those at midnight UTC, and the newest."""
        self.deepest = 0.0
        """The largest drawdown so far, as a share of the peak."""
        self.peak = start
        """The highest equity since trading was last resumed by hand."""
        self._start = start
        self._symbols = tuple(symbols)
        self._prices: dict[str, Decimal] = {}
        self._peak_from_ms = 0
        self._highest = start
        self._top: EquityPoint | None = None
        self._worst: tuple[EquityPoint, ...] = ()
        """The points between which the drawdown is the largest."""
        self._recent: deque[EquityPoint] = deque(maxlen=_RECENT)

    def begin(self, candles: Mapping[str, Candle]) -> None:
        """Sets the start prices of buy and hold to the closes of `candles`."""
        self._prices = {symbol: decimal(candle.close) for symbol, candle in candles.items()}

    def restore(self, points: Sequence[EquityPoint], resumed_ms: int | None) -> None:
        """Adds the stored points."""
        self._peak_from_ms = resumed_ms or 0
        for point in points:
            self.add(point)

    def resumed(self, at_ms: int) -> None:
        """Trading was resumed by hand: the drawdown is measured from here."""
        if at_ms > self._peak_from_ms:
            self._peak_from_ms = at_ms
            self.peak = self.points[-1].equity if self.points else self._start

    def add(self, point: EquityPoint) -> None:
        """Adds a point, later than all others."""
        if len(self.points) > 1 and self.points[-1].at_ms % DAY_MS:
            self.points.pop()
        self.points.append(point)
        self._recent.append(point)
        if self._top is None or point.equity > self._highest:
            self._highest, self._top = max(self._highest, point.equity), point
        depth = float(drawdown(point.equity, self._highest))
        if depth > self.deepest:
            self.deepest, self._worst = depth, (self._top, point)
        later = point.at_ms > self._peak_from_ms
        self.peak = max(self.peak, point.equity) if later else point.equity

    def drawn(self, most: int) -> list[EquityPoint]:
        """About `most` points for a chart: the newest, at most one a day before, the worst fall."""
        first_ms = self._recent[0].at_ms if self._recent else 0
        old = [point for point in self.points if point.at_ms < first_ms]
        every = -(-len(old) // max(1, most - len(self._recent))) or 1
        return sorted({*old[::every], *self._worst, *self._recent})

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
