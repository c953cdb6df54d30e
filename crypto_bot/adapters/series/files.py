"""A data series in files, Parquet or CSV: one for each coin, or one for the whole market."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
from pyarrow import compute, csv, parquet

from crypto_bot.domain.errors import MarketDataError
from crypto_bot.market_data.observations import NOTHING, Observations
from crypto_bot.ports.market_data import Observation

_SUFFIXES = (".parquet", ".csv")


@dataclass(frozen=True, slots=True)
class FileLayout:
    """How the files of a series look.

    `path`: below the folder of all series and without its suffix, with `{symbol}` where each coin
    has a file. `known`: the column with the instant (UTC ms, or a timestamp) to which `delay_ms` is
    added to give the one at which the number in the column `value` was known; with `per`, that
    number over the one in this column.
    """

    path: str
    value: str
    known: str = "timestamp"
    delay_ms: int = 0
    per: str | None = None


class FileSeries:
    """The series `name` in files below `folder`; a file that has changed is read again.

    A coin without a file has no observations, and a row without a finite value is none.
    """

    def __init__(self, name: str, layout: FileLayout, folder: Path) -> None:
        self.name = name
        self._layout = layout
        self._folder = folder
        self._files: dict[Path, tuple[tuple[int, int], Observations]] = {}

    def read(self, symbol: str, since_ms: int, until_ms: int) -> list[Observation]:
        """What became known in `[since_ms, until_ms]`. Raises MarketDataError, in one line."""
        stem = self._folder / self._layout.path.format(symbol=symbol)
        paths = [stem.with_name(f"{stem.name}{suffix}") for suffix in _SUFFIXES]
        path = next((path for path in paths if path.exists()), None)
        known_ms, values = NOTHING if path is None else self._file(path)
        first, end = np.searchsorted(known_ms, (since_ms, until_ms + 1))
        pairs = zip(known_ms[first:end].tolist(), values[first:end].tolist(), strict=True)
        return list(map(Observation._make, pairs))

    def _file(self, path: Path) -> Observations:
        try:
            status = path.stat()
            version = (status.st_mtime_ns, status.st_size)
            held = self._files.get(path)
            if held is None or held[0] != version:
                held = self._files[path] = (version, self._observations(path))
        except (pa.ArrowException, OSError) as error:
            reason = " ".join(str(error).split())
            raise MarketDataError(f"{path}: not readable as {self.name} ({reason})") from error
        return held[1]

    def _observations(self, path: Path) -> Observations:
        layout = self._layout
        table = csv.read_csv(path) if path.suffix == ".csv" else parquet.read_table(path)
        wanted = {layout.known, layout.value, layout.per or layout.value}
        missing = wanted - set(table.column_names)
        if missing:
            raise MarketDataError(
                f"{path}: no column {', '.join(sorted(missing))}; it has "
                f"{', '.join(table.column_names)}"
            )
        times = table.column(layout.known)
        if times.null_count:
            raise MarketDataError(f"{path}: {times.null_count} rows without {layout.known}")
        if pa.types.is_timestamp(times.type):
            times = times.cast(pa.timestamp("ms", tz=times.type.tz), safe=False)
        known_ms = compute.cast(times, pa.int64()).to_numpy() + layout.delay_ms
        values = compute.cast(table.column(layout.value), pa.float64()).to_numpy()
        if layout.per is not None:
            of = compute.cast(table.column(layout.per), pa.float64()).to_numpy()
            values = np.divide(values, of, out=np.full(values.shape, np.nan), where=of > 0.0)
        kept = np.flatnonzero(np.isfinite(values))
        order = kept[np.argsort(known_ms[kept], kind="stable")]
        return Observations(known_ms[order], values[order])
