"""Observations that were fetched, on the disk: one Parquet file for each series and coin.

`FileSeries` reads them; an observation that is stored is never fetched or changed again.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
from pyarrow import parquet

from crypto_bot.adapters.series.files import FileLayout, FileSeries
from crypto_bot.domain.instant import DAY_MS, HOUR_MS, MINUTE_MS

PUBLISHED_MS = 2 * HOUR_MS
"""After the end of a day (UTC) its figures are taken to be published; they may come later."""
SOON_MS = 10 * MINUTE_MS
"""The same after an hour, of what exchanges send: an engine asks every five minutes."""
_BEGIN, _KNOWN, _VALUE = "day_ms", "known_ms", "value"  # the first series were of days
_SCHEMA = pa.schema([(_BEGIN, pa.int64()), (_KNOWN, pa.int64()), (_VALUE, pa.float64())])


class Due(NamedTuple):
    """When figures that came at `now_ms` are known.

    Each is due `published_ms` after the end of its period of `step_ms`. Where an engine may have
    passed that instant without it, it is known since it came: after `history_ms`, until which an
    engine has waited for it. Of a series that was never fetched before, that is the last day.
    """

    step_ms: int
    published_ms: int
    now_ms: int
    history_ms: int

    def known_ms(self, begin_ms: int, *, first: bool) -> int:
        """Of the figure of the period that begins then; `first`: of a series without others."""
        due_ms = begin_ms + self.step_ms + self.published_ms
        since_ms = max(self.history_ms, self.now_ms - DAY_MS - 1 if first else 0)
        return due_ms if due_ms <= since_ms else max(due_ms, self.now_ms)


def fetched(name: str, *, of: str = "{symbol}") -> partial[FileSeries]:
    """The series `name` as it was fetched, below the folder of all that is fetched.

    `of`: the one coin under which a series of the whole market is stored.
    """
    return partial(FileSeries, name, FileLayout(f"{name}/{of}", _VALUE, known=_KNOWN))


def newest_ms(folder: Path, name: str, symbol: str) -> int | None:
    """The newest period that is stored, by its first instant (UTC ms)."""
    begins = _read(_path(folder, name, symbol)).column(_BEGIN)
    return begins[-1].as_py() if len(begins) else None


def add(
    folder: Path,
    name: str,
    symbol: str,
    figures: Mapping[int, float],
    due: Due,
) -> None:
    """Stores those of `figures` (first instant of a period, UTC ms, to value) that are newer.

    When each is known, `due` says; what is stored never changes.
    """
    path = _path(folder, name, symbol)
    held = _read(path)
    newest = held.column(_BEGIN)[-1].as_py() if held.num_rows else -1
    rows = [
        {_BEGIN: at, _KNOWN: due.known_ms(at, first=not held.num_rows), _VALUE: value}
        for at, value in sorted(figures.items())
        if at > newest
    ]
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
