"""Files of generated hourly candles."""

from pathlib import Path

import numpy as np
import pyarrow as pa
from pyarrow import parquet

from crypto_bot.domain.timeframe import Timeframe

HOUR = Timeframe.parse("1h")
NAMES = ("timestamp", "open", "high", "low", "close", "volume")
DAYS = 260
Table = np.ndarray[tuple[int, int], np.dtype[np.float64]]


def market(seed: int = 0, days: int = DAYS) -> Table:
    rng = np.random.default_rng(seed)
    n = 24 * days
    close = 100.0 * np.exp(np.cumsum(0.005 * rng.standard_normal(n)))
    opened = np.concatenate([[100.0], close[:-1]])
    high, low = np.maximum(opened, close) * 1.001, np.minimum(opened, close) * 0.999
    volume = 50.0 * np.exp(rng.standard_normal(n))
    open_ms = 1_700_000_000_000 // HOUR.ms * HOUR.ms + HOUR.ms * np.arange(n)
    return np.column_stack([open_ms, opened, high, low, close, volume])


def write(path: Path, table: Table) -> None:
    columns = [pa.array(table[:, 0].astype(np.int64)), *map(pa.array, table[:, 1:].T)]
    parquet.write_table(pa.table(columns, names=list(NAMES)), path)
