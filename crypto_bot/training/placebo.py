"""Markets of which the truth is known: no direction, a planted one, and a leak to be caught."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from crypto_bot.domain.label import LabelSpec
from crypto_bot.domain.timeframe import Timeframe
from crypto_bot.features.compiled import compiled
from crypto_bot.labels.labels import UNKNOWN, label
from crypto_bot.market_data.candle_table import CandleTable
from crypto_bot.statistics.rows import Floats
from crypto_bot.statistics.scores import auc

_TREND_BARS = 4
_STEPS = 24
_HIGHEST_TILT = 0.3
"""Beyond it trends feed on themselves and prices run away."""


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
        symbol: replace(coin, candles=_turned(coin.candles, signs[bars[symbol] - first]))
        for symbol, coin in markets.items()
    }


def planted(
    coin: CandleTable, timeframe: Timeframe, spec: LabelSpec, target: float, seed: int
) -> CandleTable:
    """`coin` with its bars turned so that its direction can be predicted with an AUC of `target`.

    Up has the probability 1/2 + tilt × (the last 4 bars' net move over their path); the tilt is
    searched for until that score has the AUC `target` on the bars that moved under `spec`. Raises
    ValueError where no tilt reaches it, or the label has no direction.
    """
    way = spec.direction
    if way is None:
        raise ValueError(f"label {spec.name} has no direction to plant")
    draws = np.random.default_rng(seed).random(coin.open_ms.shape)

    def market(tilt: float) -> tuple[Floats, float]:
        candles, score = _tilted(coin.candles, draws, tilt)
        kinds = label(spec, timeframe, coin.open_ms, candles).label
        moved = (kinds == way.up) | (kinds == way.down)
        return candles, auc(score[moved], kinds[moved] == way.up)

    low, high = 0.0, _HIGHEST_TILT
    least, most = market(low)[1], market(high)[1]
    if not least <= target <= most:
        raise ValueError(f"an AUC of {target} cannot be planted: {least:.3f} to {most:.3f} can")
    for _ in range(_STEPS):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if market(middle)[1] < target else (low, middle)
    return CandleTable(coin.open_ms, market(high)[0])


def open_candle_leak(coin: CandleTable, timeframe: Timeframe, block_bars: int = 16) -> Floats:
    """The classic leak (n,): log change to the close of the longer candle that is still open.

    It is what resampling to a longer timeframe and joining by open time gives.
    """
    blocks = coin.open_ms // (block_bars * timeframe.ms)
    closes = coin.candles[:, 3]
    ends = np.searchsorted(blocks, blocks, side="right") - 1
    leak: Floats = np.log(closes[ends] / closes)
    return leak


def shuffled(labels: npt.NDArray[np.int8], seed: int) -> npt.NDArray[np.int8]:
    """The known labels in random order; unknown ones stay where they are."""
    mixed = labels.copy()
    mixed[labels != UNKNOWN] = np.random.default_rng(seed).permutation(labels[labels != UNKNOWN])
    return mixed


def _turned(candles: Floats, signs: Floats) -> Floats:
    turned = np.empty_like(candles)
    _write_turned(candles, signs, turned)
    return turned


@compiled
def _write_turned(candles: Floats, signs: Floats, turned: Floats) -> None:
    """Each bar, as a share of the close before it, upside down where its sign is negative."""
    turned[0] = candles[0]
    for i in range(1, candles.shape[0]):
        _turn(candles, i, signs[i], turned)


@compiled
def _turn(candles: Floats, i: int, sign: float, turned: Floats) -> None:
    old, new = candles[i - 1, 3], turned[i - 1, 3]
    turned[i, 4] = candles[i, 4]
    if sign > 0.0:
        for column in range(4):
            turned[i, column] = new * (candles[i, column] / old)
        return
    turned[i, 0] = new * (old / candles[i, 0])
    turned[i, 1] = new * (old / candles[i, 2])
    turned[i, 2] = new * (old / candles[i, 1])
    turned[i, 3] = new * (old / candles[i, 3])


def _tilted(candles: Floats, draws: Floats, tilt: float) -> tuple[Floats, Floats]:
    turned, score = np.empty_like(candles), np.zeros(candles.shape[0])
    _write_tilted(candles, draws, tilt, turned, score)
    return turned, score


@compiled
def _write_tilted(
    candles: Floats, draws: Floats, tilt: float, turned: Floats, score: Floats
) -> None:
    turned[0] = candles[0]
    for i in range(1, candles.shape[0]):
        rising = candles[i, 3] >= candles[i - 1, 3]
        up = draws[i] < 0.5 + tilt * score[i - 1]
        _turn(candles, i, 1.0 if up == rising else -1.0, turned)
        if i < _TREND_BARS:
            continue
        path = 0.0
        for k in range(i - _TREND_BARS + 1, i + 1):
            path += abs(turned[k, 3] - turned[k - 1, 3])
        score[i] = (turned[i, 3] - turned[i - _TREND_BARS, 3]) / path if path > 0.0 else 0.0
