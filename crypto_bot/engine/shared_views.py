"""Views of the market that pass their candles on to listeners."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from crypto_bot.domain.candle import Candle
from crypto_bot.domain.market import Bar, MarketView
from crypto_bot.ports import CandleListener, MarketViews


@dataclass(frozen=True, slots=True, eq=False)
class SharedViews:
    """`views`, each candle of which is passed on to `listeners`."""

    views: MarketViews
    listeners: Sequence[CandleListener]

    @property
    def history_bars(self) -> int:
        wanted = [listener.history_bars for listener in self.listeners]
        return max([self.views.history_bars, *wanted])

    def preload(self, symbol: str, candles: Sequence[Candle]) -> None:
        self.views.preload(symbol, candles)
        for listener in self.listeners:
            listener.preload(symbol, candles)

    def update(self, bar: Bar) -> dict[str, MarketView]:
        views = self.views.update(bar)
        for listener in self.listeners:
            listener.observe(bar)
        return views
