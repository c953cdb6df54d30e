"""The recent closes of each coin: prices of held coins, and correlations between coins."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from itertools import pairwise
from math import log
from statistics import StatisticsError, correlation

from crypto_bot.domain.candle import Candle
from crypto_bot.domain.exits import decimal
from crypto_bot.domain.timeframe import Timeframe

WINDOW_BARS = 96
_LEAST_RETURNS = 48


class PriceMemory:
    """The closes of the last `WINDOW_BARS` bars; a restart rebuilds the same from the store."""

    def __init__(self, timeframe: Timeframe) -> None:
        self._timeframe = timeframe
        self._closes: dict[str, deque[tuple[int, float]]] = {}
        self._newest_ms = -1
        self._prices: dict[str, Decimal] | None = None

    def load(self, candles: Mapping[str, Sequence[Candle]]) -> None:
        """Replaces all closes."""
        self._closes, self._newest_ms, self._prices = {}, -1, None
        for symbol, series in candles.items():
            for candle in series:
                self._add(symbol, candle)

    def take(self, open_ms: int, candles: Mapping[str, Candle]) -> None:
        """Adds the bar that opened at `open_ms`, and drops closes older than the window.

        Accounts that share a memory give it each bar in turn: the first one counts.
        """
        if open_ms <= self._newest_ms:
            return
        self._newest_ms, self._prices = open_ms, None
        for symbol, candle in candles.items():
            self._add(symbol, candle)
        oldest_ms = open_ms - (WINDOW_BARS - 1) * self._timeframe.ms
        for closes in self._closes.values():
            while closes and closes[0][0] < oldest_ms:
                closes.popleft()

    def prices(self) -> dict[str, Decimal]:
        """The newest close of each coin."""
        if self._prices is None:
            last = {symbol: closes[-1][1] for symbol, closes in self._closes.items() if closes}
            self._prices = {symbol: decimal(close) for symbol, close in last.items()}
        return dict(self._prices)

    def correlations(self, symbol: str, others: Iterable[str]) -> dict[str, float]:
        """Correlation of returns with each of `others` that has enough bars in common."""
        own = dict(self._closes.get(symbol, ()))
        found = {}
        for other in others:
            both = [(own[at], c) for at, c in self._closes.get(other, ()) if at in own]
            if len(both) <= _LEAST_RETURNS:
                continue
            try:
                found[other] = correlation(*map(_returns, zip(*both, strict=True)))
            except StatisticsError:  # one of them is constant
                continue
        return found

    def _add(self, symbol: str, candle: Candle) -> None:
        self._closes.setdefault(symbol, deque()).append((candle.open_ms, candle.close))


def _returns(closes: Sequence[float]) -> list[float]:
    logs = [log(close) for close in closes]
    return [after - before for before, after in pairwise(logs)]
