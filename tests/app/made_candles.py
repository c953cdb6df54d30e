"""Files of made hourly candles."""

from pathlib import Path

import numpy as np
import pyarrow as pa
from pyarrow import parquet

from tests.training.made_market import candles

NAMES = ("timestamp", "open", "high", "low", "close", "volume")
DAYS = 260
Table = np.ndarray[tuple[int, int], np.dtype[np.float64]]


def market(seed: int = 0, days: int = DAYS) -> Table:
    made = candles(days, seed)
    return np.column_stack([made.open_ms, made.candles])


def write(path: Path, table: Table) -> None:
    columns = [pa.array(table[:, 0].astype(np.int64)), *map(pa.array, table[:, 1:].T)]
    parquet.write_table(pa.table(columns, names=list(NAMES)), path)
