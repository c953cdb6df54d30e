"""Hourly candles of made coins, what is asked of them, a planted direction and a leak."""

import numpy as np

from crypto_bot.domain.instant import DAY_MS
from crypto_bot.domain.timeframe import Timeframe
from crypto_bot.features.sets import feature_set
from crypto_bot.labels.registered import LABELS
from crypto_bot.market_data.candle_table import CandleTable
from crypto_bot.statistics.rows import Floats
from crypto_bot.training.panel import Question
from crypto_bot.training.placebo import turned
from crypto_bot.training.plan import SplitPlan

HOUR = Timeframe.parse("1h")
FEATURES = feature_set("per_coin_v1")
QUESTION = Question(HOUR, FEATURES, LABELS.get("A"), 16)
SPLITS = SplitPlan(folds=2, test_days=20, validation_days=10, least_fit_days=20)


def candles(
    days: int, seed: int, missing: tuple[int, ...] = (), rising_days: tuple[int, int] = (0, 0)
) -> CandleTable:
    """A wandering price whose steps swell and shrink; it climbs steadily on `rising_days`."""
    rng = np.random.default_rng(seed)
    n = 24 * days
    calm = 0.004 * np.exp(0.6 * np.sin(np.arange(n) / 40.0))
    steps = calm * rng.standard_normal(n)
    climb = slice(*(24 * day for day in rising_days))
    steps[climb] = np.abs(steps[climb])
    close = 100.0 * np.exp(np.cumsum(steps))
    opened = np.concatenate([[100.0], close[:-1]])
    reach = np.abs(rng.standard_normal((2, n))) * calm * close
    table = np.column_stack(
        [
            opened,
            np.maximum(opened, close) + reach[0],
            np.minimum(opened, close) - reach[1],
            close,
            50.0 * np.exp(rng.standard_normal(n)),
        ]
    )
    kept = np.setdiff1d(np.arange(n), missing)
    return CandleTable(kept * HOUR.ms + 20_000 * DAY_MS, np.ascontiguousarray(table[kept]))


def planted(coin: CandleTable, tilt: float, seed: int) -> CandleTable:
    """`coin` with its bars turned so that its direction can be predicted.

    Up has the probability 1/2 + tilt × (the last 4 bars' net move over their path).
    """
    moves = np.diff(np.log(coin.candles[:, 3]), prepend=np.log(coin.candles[0, 3])).tolist()
    signs, last, trend = [], [0.0] * 4, 0.0
    for move, draw in zip(moves, np.random.default_rng(seed).random(len(moves)), strict=True):
        signs.append(1.0 if (draw < 0.5 + tilt * trend) == (move >= 0.0) else -1.0)
        last = [*last[1:], signs[-1] * move]
        path = sum(map(abs, last))
        trend = sum(last) / path if path else 0.0
    return CandleTable(coin.open_ms, turned(coin.candles, np.array(signs)))


def open_candle_leak(coin: CandleTable, block_bars: int = 16) -> Floats:
    """The classic leak (n,): log change to the close of the longer candle that is still open.

    It is what resampling 15-minute bars and joining by open time gives.
    """
    blocks = coin.open_ms // (block_bars * 900_000)
    closes = coin.candles[:, 3]
    ends = np.searchsorted(blocks, blocks, side="right") - 1
    leak: Floats = np.log(closes[ends] / closes)
    return leak
