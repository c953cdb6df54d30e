"""Views of the market that pass their candles on to listeners."""

from __future__ import annotations

from collections.abc import Sequence

from crypto_bot.domain.candle import Candle
from crypto_bot.domain.market import Bar, MarketView
from crypto_bot.ports import CandleListener, MarketViews


class SharedViews:
    """`views`, each candle of which is passed on to `listeners`."""

    def __init__(self, views: MarketViews, listeners: Sequence[CandleListener]) -> None:
        self._views = views
        self._listeners = tuple(listeners)

    @property
    def history_bars(self) -> int:
        wanted = [listener.history_bars for listener in self._listeners]
        return max([self._views.history_bars, *wanted])

    def preload(self, symbol: str, candles: Sequence[Candle]) -> None:
        self._views.preload(symbol, candles)
        for listener in self._listeners:
            listener.preload(symbol, candles)

    def update(self, bar: Bar) -> dict[str, MarketView]:
        views = self._views.update(bar)
        for listener in self._listeners:
            listener.observe(bar)
        return views
