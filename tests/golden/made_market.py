"""Made candles of the golden runs: plain files in the published column layout."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
from pyarrow import parquet

HOUR_MS = 3_600_000
QUARTER_MS = HOUR_MS // 4
START_MS = 1_751_328_000_000  # 2025-07-01T00:00Z: the shipped pool answers from September on
_SWING = 0.35  # of the logarithm of the volatility over a day
_PULL = -0.08  # of the last bar's shock into the next: something that a model can find


def write_market(folder: Path, symbols: Sequence[str], bar_ms: int, bars: int) -> Path:
    """Writes `<SYMBOL>.parquet` of `bars` candles for each symbol and `symbols.json`.

    Prices are log-normal walks whose volatility has a rhythm of a day and clusters, with one common
    factor and a weak pull back. They are rounded to a hundredth and volumes to a tenth, so that
    the last bit of a mathematical function on another machine does not change a candle.
    """
    folder.mkdir(parents=True)
    factor = np.random.default_rng(2_000).standard_normal(bars)
    for seed, symbol in enumerate(symbols):
        columns = _candles(np.random.default_rng(seed), factor, bar_ms)
        parquet.write_table(pa.table(columns), folder / f"{symbol}.parquet")
    named = folder / "symbols.json"
    named.write_text(json.dumps(list(symbols)))
    return named


def _candles(
    rng: np.random.Generator, factor: np.ndarray[tuple[int], np.dtype[np.float64]], bar_ms: int
) -> dict[str, pa.Array]:
    bars = len(factor)
    open_ms = START_MS + bar_ms * np.arange(bars, dtype=np.int64)
    rhythm = _SWING * np.sin(2 * np.pi * (open_ms / (24 * HOUR_MS)))
    cluster = np.zeros(bars)
    news = 0.12 * rng.standard_normal(bars)
    for at in range(1, bars):
        cluster[at] = 0.97 * cluster[at - 1] + news[at]
    shock = 0.7 * factor + 0.7 * rng.standard_normal(bars)
    shock[1:] += _PULL * shock[:-1]
    deviation = 0.006 * (bar_ms / HOUR_MS) ** 0.5 * np.exp(rhythm + cluster)
    close = np.round(1_000.0 * np.exp(np.cumsum(deviation * shock)), 2)
    opened = np.concatenate([[1_000.0], close[:-1]])
    wick = np.abs(0.4 * deviation * rng.standard_normal((2, bars)))
    high = np.round(np.maximum(opened, close) * (1.0 + wick[0]), 2)
    low = np.round(np.minimum(opened, close) * (1.0 - wick[1]), 2)
    volume = np.round(50.0 * np.exp(cluster + 0.3 * rng.standard_normal(bars)), 1) + 0.1
    columns = (opened, high, low, close, np.round(volume, 1))
    names = ("open", "high", "low", "close", "volume")
    return {
        "timestamp": pa.array(open_ms),
        **{name: pa.array(column) for name, column in zip(names, columns, strict=True)},
    }
