"""Candle files, Parquet or CSV: columns `timestamp` (open time) open high low close volume."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
from pyarrow import csv, parquet

from crypto_bot.adapters.store.csv_table import in_ms, read_csv_table
from crypto_bot.domain.candle import Candle
from crypto_bot.domain.errors import BadCandles
from crypto_bot.domain.stamp import impossible, require_possible
from crypto_bot.domain.timeframe import TRADED, Timeframe

_Ints = np.ndarray[tuple[int], np.dtype[np.int64]]
_Floats = np.ndarray[tuple[int], np.dtype[np.float64]]
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

    def at(self, rows: _Ints) -> CandleColumns:
        """Those of these numbers, in their order."""
        return CandleColumns(
            self.open_ms[rows],
            *(each[rows] for each in (self.open, self.high, self.low, self.close, self.volume)),
        )

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
    """All rows of `path`, those of a file that begins with the newest in reverse.

    Other columns are passed over, an empty field becomes NaN. Times are numbers in one unit, those
    of a Parquet file also timestamps and of a CSV file dates. Raises BadCandles, in one line, for a
    file that cannot be read as candles at all.
    """
    columns = _csv_columns(path) if path.suffix == ".csv" else _parquet_columns(path)
    if columns.open_ms.size > 1 and np.all(np.diff(columns.open_ms) < 0):
        return columns.at(np.arange(columns.open_ms.size)[::-1])
    return columns


def usual_timeframe(path: Path, open_ms: _Ints) -> Timeframe:
    """That of the most common step. Raises BadCandles unless it is one that is traded."""
    step_ms = _usual_step(open_ms)
    known = {Timeframe.parse(name).ms: name for name in TRADED}
    if step_ms not in known:
        raise BadCandles(
            f"{path}: its candles are {step_ms / 60_000:g} minutes apart: use one of "
            f"{', '.join(TRADED)}"
        )
    return Timeframe.parse(known[step_ms])


def require_timeframe(path: Path, open_ms: _Ints, timeframe: Timeframe) -> None:
    """Raises BadCandles where the most common step is another.

    Candles of a longer timeframe are all on the grid, and some of a shorter one are.
    """
    step_ms = _usual_step(open_ms)
    if step_ms not in {0, timeframe.ms}:
        raise BadCandles(
            f"{path}: its candles are {step_ms / 60_000:g} minutes apart, not {timeframe.name}"
        )


def _usual_step(open_ms: _Ints) -> int:
    """The most common step from one time to the next, 0 where there is none."""
    steps, counts = np.unique(np.diff(np.unique(open_ms)), return_counts=True)
    return int(steps[counts.argmax()]) if steps.size else 0


def closed_ones(
    path: Path, columns: CandleColumns, timeframe: Timeframe, now_ms: int
) -> CandleColumns:
    """Those that have closed by `now_ms`.

    Raises BadCandles for times before 2009 or after `now_ms`, with the unit they seem to be in.
    """
    opens = columns.open_ms
    extremes = [int(opens.min()), int(opens.max())] if opens.size else []
    if any(impossible(open_ms, now_ms) for open_ms in extremes):
        require_possible(opens.tolist(), now_ms, str(path))
    return columns.at(np.flatnonzero(opens + timeframe.ms <= now_ms))


def joined(parts: Sequence[CandleColumns]) -> CandleColumns:
    """The rows of the parts of one series, by time; a row that two parts share counts once."""
    whole = CandleColumns(*(np.concatenate(column) for column in zip(*parts, strict=True)))
    _, first = np.unique(np.column_stack(whole), axis=0, return_index=True)
    return whole.at(first)  # sorted by their first column, the time


def _csv_columns(path: Path) -> CandleColumns:
    table = read_csv_table(path)
    without = int(table["open_ms"].isna().sum())
    if without:
        raise BadCandles(f"{path}: {without} rows without a timestamp")
    return CandleColumns(
        table["open_ms"].to_numpy(np.int64),
        *(table[name].to_numpy(np.float64) for name in _COLUMNS[1:]),
    )


def _parquet_columns(path: Path) -> CandleColumns:
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
    file = parquet.ParquetFile(path)
    wanted = [name for name in file.schema_arrow.names if name in _COLUMNS]
    # Without one of ours the message names all that the file has.
    return file.read(columns=wanted if len(wanted) == len(_COLUMNS) else None, use_threads=False)


def _times(path: Path, column: pa.ChunkedArray) -> _Ints:
    if column.null_count:
        raise BadCandles(f"{path}: {column.null_count} rows without a timestamp")
    found: _Ints
    if pa.types.is_timestamp(column.type):
        found = column.cast(pa.timestamp("ms", tz=column.type.tz)).cast(pa.int64()).to_numpy()
    else:
        found = in_ms(path, column.to_pandas()).to_numpy()
    return found


def _numbers(column: pa.ChunkedArray) -> _Floats:
    found: _Floats = column.cast(pa.float64()).to_numpy()
    # Arrow's cast of decimals may be a bit off: this is the float nearest to what is written.
    return np.round(found, column.type.scale) if pa.types.is_decimal(column.type) else found
