"""CSV files of other programs as candles: separators, names and kinds of time that are in use."""

from __future__ import annotations

import csv
import re
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from crypto_bot.adapters.store.candle_files import CandleColumns
from crypto_bot.domain.candle import require_sound
from crypto_bot.domain.errors import BadCandles
from crypto_bot.domain.timeframe import TRADED, Timeframe

_TIMES = (
    "timestamp",
    "time",
    "date",
    "datetime",
    "open_time",
    "opentime",
    "unix",
    "unix_timestamp",
)
_NUMBERS = ("open", "high", "low", "close", "volume")
_SEPARATORS = ",;\t|"
_UNITS = ((1e11, 1_000), (1e14, 1), (1e17, 1e-3), (np.inf, 1e-6))
"""Numbers below the bound are seconds, then milliseconds, microseconds, nanoseconds; to ms."""


class CsvCandles(NamedTuple):
    """The candles of one file, ascending, each once; counts of what was put right or left out.

    `symbol`: what the name of the file begins with. `timeframe`: the most common step between
    candles. `gaps`: candles that are missing between the first and the last.
    """

    symbol: str
    timeframe: Timeframe
    columns: CandleColumns
    rows: int
    incomplete: int
    duplicates: int
    unsorted: bool
    gaps: int

    @property
    def words(self) -> str:
        """In one line."""
        found = [
            f"{self.columns.open_ms.size:,} {self.timeframe.name} candles of {self.rows:,} rows"
        ]
        found += [f"{self.incomplete:,} rows without a value left out"] * (self.incomplete > 0)
        found += [f"{self.duplicates:,} repeated rows left out"] * (self.duplicates > 0)
        found += ["sorted by time"] * self.unsorted
        found += [f"{self.gaps:,} candles missing"] * (self.gaps > 0)
        return ", ".join(found)


def read_csv_candles(path: Path) -> CsvCandles:
    """Reads columns named as is usual, in any order and case, separated by `,` `;` tab or `|`.

    Times are ISO dates or numbers of seconds, milliseconds, microseconds or nanoseconds, UTC. Rows
    are sorted; equal rows count once and rows without a value not at all. Raises BadCandles in one
    line: without a column, for two different candles of one time, for values that cannot be true.
    """
    table = _table(path)
    rows = len(table)
    numbers = table[list(_NUMBERS)].apply(pd.to_numeric, errors="coerce")
    whole = numbers.notna().all(axis=1) & table["time"].notna()
    table = numbers[whole].assign(open_ms=_times(path, table["time"][whole]))
    if table.empty:
        raise BadCandles(f"{path}: no row with a time and five numbers among {rows}")
    unsorted = not table["open_ms"].is_monotonic_increasing
    once = table.drop_duplicates().sort_values("open_ms", kind="stable")
    twice = once["open_ms"].duplicated()
    if twice.any():
        at = pd.Timestamp(int(once["open_ms"][twice].iloc[0]), unit="ms", tz="UTC")
        raise BadCandles(f"{path}: two different candles of {at:%Y-%m-%d %H:%M} UTC")
    open_ms = once["open_ms"].to_numpy(np.int64)
    timeframe = _timeframe(path, open_ms)
    columns = CandleColumns(open_ms, *(once[name].to_numpy(np.float64) for name in _NUMBERS))
    if not columns.are_sound(timeframe):
        require_sound(columns.candles(), timeframe, str(path))
    return CsvCandles(
        symbol=_symbol(path),
        timeframe=timeframe,
        columns=columns,
        rows=rows,
        incomplete=rows - int(whole.sum()),
        duplicates=len(table) - len(once),
        unsorted=unsorted,
        gaps=int((open_ms[-1] - open_ms[0]) // timeframe.ms) + 1 - open_ms.size,
    )


def _table(path: Path) -> pd.DataFrame:
    """Texts under the names of `_NUMBERS` and `time`."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            head = file.readline()
        separator = max(_SEPARATORS, key=head.count)
        table = pd.read_csv(
            path,
            sep=separator,
            encoding="utf-8-sig",
            dtype=str,
            quoting=csv.QUOTE_MINIMAL,
            skipinitialspace=True,
        )
    except (OSError, ValueError) as error:
        reason = " ".join(str(error).split())
        raise BadCandles(f"{path}: not readable as CSV ({reason})") from error
    table.columns = [re.sub(r"\W+", "_", str(name).strip().lower()) for name in table.columns]
    times = [name for name in _TIMES if name in table.columns]
    missing = [name for name in _NUMBERS if name not in table.columns]
    missing += [] if times else ["timestamp"]
    if missing:
        raise BadCandles(
            f"{path}: no column {', '.join(missing)}; it has {', '.join(table.columns)}"
        )
    found = table[list(_NUMBERS)].assign(time=table[times[0]])
    if separator == ";":  # where commas are decimal points
        found = found.apply(lambda column: column.str.replace(",", "."))
    return found


def _times(path: Path, texts: pd.Series) -> pd.Series:
    """UTC milliseconds."""
    numbers = pd.to_numeric(texts, errors="coerce")
    if numbers.notna().all():
        largest = float(numbers.abs().max()) if numbers.size else 0.0
        factor = next(factor for bound, factor in _UNITS if largest < bound)
        return (numbers * factor).round().astype(np.int64)
    try:
        dates = pd.to_datetime(texts, utc=True, format="ISO8601")
    except ValueError as error:
        raise BadCandles(
            f"{path}: times are neither numbers nor ISO dates such as 2025-01-31 12:00: "
            f"the first is {texts.iloc[0]!r}"
        ) from error
    return dates.astype("datetime64[ms, UTC]").astype(np.int64)


def _timeframe(path: Path, open_ms: np.ndarray[tuple[int], np.dtype[np.int64]]) -> Timeframe:
    """Raises BadCandles unless the most common step is one that is traded."""
    steps, counts = np.unique(np.diff(open_ms), return_counts=True)
    common_ms = int(steps[counts.argmax()]) if steps.size else 0
    known = {Timeframe.parse(name).ms: name for name in TRADED}
    if common_ms not in known:
        raise BadCandles(
            f"{path}: its candles are {common_ms / 60_000:g} minutes apart: use one of "
            f"{', '.join(TRADED)}"
        )
    return Timeframe.parse(known[common_ms])


def _symbol(path: Path) -> str:
    found = re.match(r"[A-Za-z0-9]+", path.stem)
    return (found[0] if found else "COIN").upper()
