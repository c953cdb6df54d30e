"""Candle rows that an exchange never corrects: what is missing after five equal replies."""

from __future__ import annotations

from collections.abc import Sequence
from math import inf
from typing import Any

import structlog

from crypto_bot.adapters.exchange.replies import sound_candles
from crypto_bot.domain.candle import Candle
from crypto_bot.domain.errors import BadCandles
from crypto_bot.domain.timeframe import Timeframe

EQUAL_REPLIES = 5
_MOST_OF_REPLY = 10
"""One row of so many, and one in any case: a reply that is worse says nothing of its rows."""
_VOLUME = 5

_log = structlog.get_logger(__name__)


class BadRows:
    """Counts rows whose values cannot be true, until they were the same in `EQUAL_REPLIES`.

    From then on such a row is left out, as one that the exchange does not have. One of which the
    volume alone is missing is a candle with volume 0: its prices settle signals, and the features
    know candles without trades.
    """

    def __init__(self) -> None:
        self._seen: dict[tuple[str, str, Any], tuple[str, int]] = {}

    def candles(
        self, symbol: str, rows: Sequence[Any], timeframe: Timeframe, origin: str, now_ms: int
    ) -> list[Candle]:
        """The candles of one reply for `symbol`, ascending.

        Raises BadCandles as `sound_candles` does, but for rows that are equally bad once more.
        """
        try:
            return sound_candles(rows, timeframe, origin, now_ms)
        except BadCandles:
            bad = [row for row in rows if _values_are_bad(row, timeframe, now_ms)]
            if not bad or len(bad) > max(1, len(rows) // _MOST_OF_REPLY):
                raise
            sound = sound_candles(
                [row for row in rows if row not in bad], timeframe, origin, now_ms
            )
            self._count(symbol, bad, timeframe)
            if not all(self._is_final(symbol, row, timeframe) for row in bad):
                raise
        without_volume = [row for row in map(_with_no_volume, bad) if row is not None]
        sound.extend(sound_candles(without_volume, timeframe, origin, now_ms))
        return sorted(sound)

    def _count(self, symbol: str, bad: Sequence[Any], timeframe: Timeframe) -> None:
        for row in bad:
            text, key = str(row), (symbol, timeframe.name, row[0])
            before, count = self._seen.get(key, (text, 0))
            count = count + 1 if text == before else 1
            self._seen[key] = text, count
            if count == EQUAL_REPLIES:
                event = "candle.without_volume" if _with_no_volume(row) else "candle.impossible"
                _log.warning(event, symbol=symbol, open_ms=row[0], row=text[:80])

    def _is_final(self, symbol: str, row: Sequence[Any], timeframe: Timeframe) -> bool:
        return self._seen[symbol, timeframe.name, row[0]][1] >= EQUAL_REPLIES


def _values_are_bad(row: Any, timeframe: Timeframe, now_ms: int) -> bool:
    """Whether `row` has the time of a candle, and values that no candle has."""
    if not isinstance(row, (list, tuple)) or len(row) <= _VOLUME:
        return False
    any_values = [row[0], *[1.0] * _VOLUME]
    return _is_sound(any_values, timeframe, now_ms) and not _is_sound(row, timeframe, now_ms)


def _is_sound(row: Sequence[Any], timeframe: Timeframe, now_ms: int) -> bool:
    try:
        sound_candles([row], timeframe, "a row", now_ms)
    except BadCandles:
        return False
    return True


def _with_no_volume(row: Sequence[Any]) -> list[Any] | None:
    """`row` with volume 0 where that alone is missing; otherwise None."""
    if row[_VOLUME] is not None:
        return None
    try:
        prices = list(map(float, row[1:_VOLUME]))
    except (TypeError, ValueError):
        return None
    opened, high, low, close = prices
    is_sound = 0.0 < low <= min(opened, close) <= max(opened, close) <= high < inf
    return [row[0], *prices, 0.0] if is_sound else None
