"""Candles that were read again: what the exchange has changed is stored, after the signals."""

from __future__ import annotations

from collections.abc import Mapping

from crypto_bot.domain.candle import Candle
from crypto_bot.domain.plausibility import Plausibility
from crypto_bot.engine.candle_intake import Arrived
from crypto_bot.ports import CandleArchive, Clock

AGAIN_BARS = 3
"""The newest candles are read again with the next: exchanges add to them for a while."""


class Revisions:
    """Keeps what was read again until the signals of the round are made.

    What is too far from what is stored, as the `judge` says, is of something else and not kept.
    """

    def __init__(self, archive: CandleArchive, clock: Clock, judge: Plausibility) -> None:
        self._archive = archive
        self._clock = clock
        self._judge = judge
        self._again: dict[str, tuple[Candle, ...]] = {}

    def take(self, arrived: Mapping[str, Arrived]) -> None:
        """Keeps the candles of `arrived` that were read again."""
        self._again.update((symbol, each.again) for symbol, each in arrived.items() if each.again)

    def store(self) -> dict[str, int]:
        """Stores what differs; how many candles, by coin. Raises StoreError."""
        now_ms = self._clock.now_ms()
        counts = {}
        for symbol, candles in self._again.items():
            if changed := self._changed(symbol, candles):
                counts[symbol] = self._archive.revise(symbol, changed, now_ms)
        self._again.clear()
        return counts

    def _changed(self, symbol: str, candles: tuple[Candle, ...]) -> list[Candle]:
        span = min(candles).open_ms, max(candles).open_ms
        stored = {each.open_ms: each for each in self._archive.read(symbol, *span, revised=True)}
        return [
            candle
            for candle in candles
            if (was := stored.get(candle.open_ms, candle)) != candle
            and not self._judge.differs(symbol, candle, was)
        ]
