"""Observations that were fetched, on the disk: one Parquet file for each series and coin.

`FileSeries` reads them; an observation that is stored is never fetched or changed again.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import partial
from pathlib import Path

import pyarrow as pa
from pyarrow import parquet

from crypto_bot.adapters.series.files import FileLayout, FileSeries
from crypto_bot.domain.instant import DAY_MS, HOUR_MS

PUBLISHED_MS = 2 * HOUR_MS
"""After the end of a day (UTC) its figures are taken to be published; they may come later."""
_DAY, _KNOWN, _VALUE = "day_ms", "known_ms", "value"
_SCHEMA = pa.schema([(_DAY, pa.int64()), (_KNOWN, pa.int64()), (_VALUE, pa.float64())])


def fetched(name: str) -> partial[FileSeries]:
    """The series `name` as it was fetched, below the folder of all that is fetched."""
    return partial(FileSeries, name, FileLayout(f"{name}/{{symbol}}", _VALUE, known=_KNOWN))


def newest_day_ms(folder: Path, name: str, symbol: str) -> int | None:
    """The newest day that is stored, by its first instant (UTC ms)."""
    days = _read(_path(folder, name, symbol)).column(_DAY)
    return days[-1].as_py() if len(days) else None


def add(folder: Path, name: str, symbol: str, days: Mapping[int, float], now_ms: int) -> None:
    """Stores those of `days` (first instant, UTC ms, to value) that are newer than what is stored.

    A day is known `PUBLISHED_MS` after its end. What arrives within a day after that was waited
    for, and is known from `now_ms` on; what arrives later is history.
    """
    path = _path(folder, name, symbol)
    held = _read(path)
    newest_ms = held.column(_DAY)[-1].as_py() if held.num_rows else -1
    rows = []
    for day_ms, value in sorted(days.items()):
        if day_ms > newest_ms:
            due_ms = day_ms + DAY_MS + PUBLISHED_MS
            known_ms = now_ms if due_ms < now_ms <= due_ms + DAY_MS else due_ms
            rows.append({_DAY: day_ms, _KNOWN: known_ms, _VALUE: value})
    if not rows:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    written = path.with_name(f".{path.name}.{os.getpid()}")
    parquet.write_table(pa.concat_tables([held, pa.Table.from_pylist(rows, _SCHEMA)]), written)
    written.replace(path)


def _path(folder: Path, name: str, symbol: str) -> Path:
    return folder / name / f"{symbol}.parquet"


def _read(path: Path) -> pa.Table:
    """What is stored; nothing where a file is not there or is damaged: it is fetched anew then."""
    try:
        return parquet.read_table(path).cast(_SCHEMA)
    except (pa.ArrowException, OSError, ValueError):
        return _SCHEMA.empty_table()
