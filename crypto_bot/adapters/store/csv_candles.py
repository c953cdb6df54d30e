"""CSV files of other programs as candles: put right where that is sure, and counted."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from crypto_bot.adapters.store.candle_files import (
    CandleColumns,
    closed_ones,
    usual_timeframe,
)
from crypto_bot.adapters.store.candle_names import symbol_of
from crypto_bot.adapters.store.csv_table import NUMBERS, read_csv_table
from crypto_bot.domain.candle import require_sound
from crypto_bot.domain.errors import BadCandles
from crypto_bot.domain.timeframe import Timeframe


class CsvCandles(NamedTuple):
    """The candles of one file, ascending, each once; counts of what was put right or left out.

    `symbol`: that of the name of the file, its first word where it has none. `timeframe`: the most
    common step between candles. `gaps`: candles that are missing between the first and the last.
    `still_open`: those that had not closed.
    """

    symbol: str
    timeframe: Timeframe
    columns: CandleColumns
    rows: int
    incomplete: int
    duplicates: int
    unsorted: bool
    gaps: int
    still_open: int

    @property
    def words(self) -> str:
        """In one line."""
        found = [
            f"{self.columns.open_ms.size:,} {self.timeframe.name} candles of {self.rows:,} rows"
        ]
        found += [f"{self.incomplete:,} rows without a value left out"] * (self.incomplete > 0)
        found += [f"{self.duplicates:,} repeated rows left out"] * (self.duplicates > 0)
        found += ["the open candle left out"] * (self.still_open > 0)
        found += ["sorted by time"] * self.unsorted
        found += [f"{self.gaps:,} candles missing"] * (self.gaps > 0)
        return ", ".join(found)


def read_csv_candles(path: Path, now_ms: int) -> CsvCandles:
    """What `read_csv_table` reads, in order.

    Rows are sorted; equal rows count once, rows without a value and the candle that is open at
    `now_ms` not at all. Raises BadCandles in one line: without a column, for two different candles
    of one time, for values that cannot be true.
    """
    table = read_csv_table(path)
    rows = len(table)
    table = table.dropna()
    whole = len(table)
    if table.empty:
        raise BadCandles(f"{path}: no row with a time and five numbers among {rows}")
    unsorted = not table["open_ms"].is_monotonic_increasing
    once = table.drop_duplicates().sort_values("open_ms", kind="stable")
    twice = once["open_ms"].duplicated()
    if twice.any():
        at = pd.Timestamp(int(once["open_ms"][twice].iloc[0]), unit="ms", tz="UTC")
        raise BadCandles(f"{path}: two different candles of {at:%Y-%m-%d %H:%M} UTC")
    read = CandleColumns(
        once["open_ms"].to_numpy(np.int64), *(once[name].to_numpy(np.float64) for name in NUMBERS)
    )
    timeframe = usual_timeframe(path, read.open_ms)
    columns = closed_ones(path, read, timeframe, now_ms)
    if not columns.are_sound(timeframe):
        require_sound(columns.candles(), timeframe, str(path))
    open_ms = columns.open_ms
    return CsvCandles(
        symbol=symbol_of(path) or _first_word(path),
        timeframe=timeframe,
        columns=columns,
        rows=rows,
        incomplete=rows - whole,
        duplicates=whole - len(once),
        unsorted=unsorted,
        gaps=int((open_ms[-1] - open_ms[0]) // timeframe.ms) + 1 - open_ms.size,
        still_open=read.open_ms.size - open_ms.size,
    )


def _first_word(path: Path) -> str:
    found = re.match(r"[A-Za-z0-9]+", path.stem)
    return (found[0] if found else "COIN").upper()
