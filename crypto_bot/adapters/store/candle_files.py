"""Candle files, Parquet or CSV: columns `timestamp` (open, UTC ms) open high low close volume."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
from pyarrow import csv, parquet

from crypto_bot.domain.candle import Candle
from crypto_bot.domain.errors import BadCandles
from crypto_bot.domain.timeframe import Timeframe

_Ints = np.ndarray[tuple[int], np.dtype[np.int64]]
_Floats = np.ndarray[tuple[int], np.dtype[np.float64]]
SUFFIXES = (".parquet", ".csv")
_COLUMNS = ("timestamp", "open", "high", "low", "close", "volume")


class CandleColumns(NamedTuple):
    """The rows of a file as they stand in it, sound or not: `open_ms` int64, the others float64."""

    open_ms: _Ints
    open: _Floats
    high: _Floats
    low: _Floats
    close: _Floats
    volume: _Floats

    def candles(self) -> list[Candle]:
        """The rows as candles, in their order."""
        return list(map(Candle, *(column.tolist() for column in self)))

    def are_sound(self, timeframe: Timeframe) -> bool:
        """Whether `domain.candle.faults` would find nothing, at the speed of arrays."""
        body_low, body_high = np.minimum(self.open, self.close), np.maximum(self.open, self.close)
        steps = np.diff(self.open_ms)
        on_grid = self.open_ms % timeframe.ms == timeframe.open_of(0) % timeframe.ms
        return bool(
            np.all(steps > 0)
            and np.all(on_grid)
            and all(np.all(np.isfinite(column)) for column in self[1:])
            and np.all(self.low > 0.0)
            and np.all(self.volume >= 0.0)
            and np.all((self.low <= body_low) & (body_high <= self.high))
        )


def read_candles(path: Path) -> CandleColumns:
    """All rows of `path`. Other columns are passed over, an empty field becomes NaN.

    Raises BadCandles, in one line, for a file that cannot be read as candles at all.
    """
    try:
        table = _table(path)
        missing = [name for name in _COLUMNS if name not in table.column_names]
        if missing:
            raise BadCandles(
                f"{path}: no column {', '.join(missing)}; it has {', '.join(table.column_names)}: "
                f"a candle file has {' '.join(_COLUMNS)}"
            )
        if table.num_rows == 0:
            raise BadCandles(f"{path}: no rows")
        return CandleColumns(
            _times(path, table.column("timestamp")),
            *(_numbers(table.column(name)) for name in _COLUMNS[1:]),
        )
    except (pa.ArrowException, OSError) as error:
        reason = " ".join(str(error).split())
        raise BadCandles(f"{path}: not readable as candles ({reason})") from error


def write_candles(path: Path, candles: Sequence[Candle]) -> None:
    """Writes `candles` to `path`, whole or not at all. Raises OSError."""
    columns = list(zip(*candles, strict=True)) if candles else [()] * len(_COLUMNS)
    types = [pa.int64(), *[pa.float64()] * 5]
    arrays = [pa.array(column, kind) for column, kind in zip(columns, types, strict=True)]
    table = pa.table(arrays, names=list(_COLUMNS))
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        with partial.open("wb") as file:
            if path.suffix == ".csv":
                csv.write_csv(table, file)
            else:
                parquet.write_table(table, file, compression="zstd")
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def _table(path: Path) -> pa.Table:
    if path.suffix == ".csv":
        if path.stat().st_size == 0:
            raise BadCandles(f"{path}: empty file")
        return csv.read_csv(path, read_options=csv.ReadOptions(use_threads=False))
    file = parquet.ParquetFile(path)
    wanted = [name for name in file.schema_arrow.names if name in _COLUMNS]
    # Without one of ours the message names all that the file has.
    return file.read(columns=wanted if len(wanted) == len(_COLUMNS) else None, use_threads=False)


def _times(path: Path, column: pa.ChunkedArray) -> _Ints:
    if column.null_count:
        raise BadCandles(f"{path}: {column.null_count} rows without a timestamp")
    if pa.types.is_timestamp(column.type):
        column = column.cast(pa.timestamp("ms", tz=column.type.tz))
    found: _Ints = column.cast(pa.int64()).to_numpy()
    return found


def _numbers(column: pa.ChunkedArray) -> _Floats:
    found: _Floats = column.cast(pa.float64()).to_numpy()
    return found
