"""Candles that were read again: what the exchange has changed is stored, after the signals."""

from __future__ import annotations

from collections.abc import Mapping

from crypto_bot.domain.candle import Candle
from crypto_bot.engine.candle_intake import Arrived
from crypto_bot.ports import CandleArchive, Clock


class Revisions:
    """Keeps what was read again until the signals of the round are made."""

    def __init__(self, archive: CandleArchive, clock: Clock) -> None:
        self._archive = archive
        self._clock = clock
        self._again: dict[str, tuple[Candle, ...]] = {}

    def take(self, arrived: Mapping[str, Arrived]) -> None:
        """Keeps the candles of `arrived` that were read again."""
        self._again.update((symbol, each.again) for symbol, each in arrived.items() if each.again)

    def store(self) -> dict[str, int]:
        """Stores what differs; how many candles, by coin. Raises StoreError."""
        now_ms = self._clock.now_ms()
        counts = {
            symbol: self._archive.revise(symbol, candles, now_ms)
            for symbol, candles in self._again.items()
        }
        self._again.clear()
        return {symbol: count for symbol, count in counts.items() if count}
