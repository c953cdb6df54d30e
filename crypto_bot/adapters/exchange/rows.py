"""Raw candle rows, validated."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from crypto_bot.domain.candle import Candle, require_sound
from crypto_bot.domain.errors import BadCandles
from crypto_bot.domain.timeframe import Timeframe


def sound_candles(rows: Sequence[Any], timeframe: Timeframe, origin: str) -> list[Candle]:
    """Rows `[open_ms, open, high, low, close, volume, ...]` of one reply as candles, ascending.

    A reply with the newest row first is reversed. Any other fault of a row invalidates the whole
    reply: raises BadCandles, naming `origin`.
    """
    candles = [_candle(row, number, origin) for number, row in enumerate(rows)]
    if candles and candles[0].open_ms > candles[-1].open_ms:
        candles.reverse()
    require_sound(candles, timeframe, origin)
    return candles


def _candle(row: Any, number: int, origin: str) -> Candle:
    try:
        return Candle(
            int(row[0]), float(row[1]), float(row[2]), float(row[3]), float(row[4]), float(row[5])
        )
    except (ArithmeticError, LookupError, TypeError, ValueError) as e:
        raise BadCandles(f"{origin}: row {number} is no candle: {str(row)[:80]}") from e
