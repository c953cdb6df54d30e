"""A model's calls of candles gone by, made earlier and read again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from crypto_bot.domain.candle import Candle
from crypto_bot.domain.errors import SignalUnavailable
from crypto_bot.domain.market import Bar, MarketView
from crypto_bot.domain.signal import Call, Source


class StoredCalls:
    """Answers `ports.ModelSource` with `calls` by symbol and candle open; computes nothing."""

    history_bars = 0
    leader = None

    def __init__(self, calls: Mapping[tuple[str, int], Call], source: Source) -> None:
        self._calls = calls
        self._source = source

    @property
    def source(self) -> Source:
        return self._source

    def calls(self, views: Sequence[MarketView]) -> list[Call | SignalUnavailable]:
        missing = SignalUnavailable("no call of this candle is stored")
        return [self._calls.get((view.symbol, view.open_ms), missing) for view in views]

    def preload(self, symbol: str, candles: Sequence[Candle]) -> None:
        """Needs no candles."""

    def observe(self, bar: Bar) -> None:
        """Needs no candles."""

    def prepare(self) -> None:
        """Has nothing to compute."""
