"""Markets of which the truth is known: bars turned by the flip of a coin, labels shuffled."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from crypto_bot.domain.timeframe import Timeframe
from crypto_bot.features.compiled import compiled
from crypto_bot.labels.labels import UNKNOWN
from crypto_bot.market_data.candle_table import CandleTable
from crypto_bot.statistics.rows import Floats


def coin_flip(
    markets: Mapping[str, CandleTable], timeframe: Timeframe, seed: int
) -> dict[str, CandleTable]:
    """`markets` with each bar turned up or down by the flip of a coin, the same for all of them.

    Mirrored bars keep their ranges, volumes and the size of every return, and so the volatility,
    its clustering and what the coins have in common; which way they go is chance.
    """
    bars = {symbol: coin.open_ms // timeframe.ms for symbol, coin in markets.items()}
    first = min(int(numbers[0]) for numbers in bars.values())
    last = max(int(numbers[-1]) for numbers in bars.values())
    signs = np.random.default_rng(seed).choice(np.array([-1.0, 1.0]), last - first + 1)
    return {
        symbol: replace(coin, candles=turned(coin.candles, signs[bars[symbol] - first]))
        for symbol, coin in markets.items()
    }


def shuffled(labels: npt.NDArray[np.int8], seed: int) -> npt.NDArray[np.int8]:
    """The known labels in random order; unknown ones stay where they are."""
    mixed = labels.copy()
    mixed[labels != UNKNOWN] = np.random.default_rng(seed).permutation(labels[labels != UNKNOWN])
    return mixed


def turned(candles: Floats, signs: Floats) -> Floats:
    """Each bar, as a share of the close before it, upside down where its sign is negative."""
    found = np.empty_like(candles)
    _write_turned(candles, signs, found)
    return found


@compiled
def _write_turned(candles: Floats, signs: Floats, turned: Floats) -> None:
    turned[0] = candles[0]
    for i in range(1, candles.shape[0]):
        old, new = candles[i - 1, 3], turned[i - 1, 3]
        turned[i, 4] = candles[i, 4]
        if signs[i] > 0.0:
            for column in range(4):
                turned[i, column] = new * (candles[i, column] / old)
            continue
        turned[i, 0] = new * (old / candles[i, 0])
        turned[i, 1] = new * (old / candles[i, 2])
        turned[i, 2] = new * (old / candles[i, 1])
        turned[i, 3] = new * (old / candles[i, 3])
