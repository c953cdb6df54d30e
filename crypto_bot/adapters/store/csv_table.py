"""CSV files of candles in the forms in use: separators, names of columns and kinds of time."""

from __future__ import annotations

import csv
import re
from pathlib import Path

import numpy as np
import pandas as pd

from crypto_bot.domain.errors import BadCandles
from crypto_bot.domain.stamp import FIRST_S, LAST_S, UNITS, unit_of
from crypto_bot.domain.user_file import encoding_of

NUMBERS = ("open", "high", "low", "close", "volume")
_TIMES = (
    *("timestamp", "time", "date", "datetime", "open_time", "opentime", "unix", "unix_timestamp"),
)
_SEPARATORS = ",;\t|"


def read_csv_table(path: Path) -> pd.DataFrame:
    """Columns `open_ms` (UTC ms, NA for an empty field) and `NUMBERS` (NaN for one), as they stand.

    Columns may have any order, case and company, fields any separator of `,` `;` tab and `|`, a
    decimal comma beside `;`, and the file a byte order mark, of UTF-16 too. Without a line of names
    the columns are time, open, high, low, close, volume and others. Raises BadCandles in one line.
    """
    texts = _texts(path)
    found = {"open_ms": _times(path, texts["time"])}
    for name in NUMBERS:
        numbers = pd.to_numeric(texts[name], errors="coerce")
        wrong = numbers.isna() & texts[name].notna()
        if wrong.any():
            row = int(np.argmax(wrong.to_numpy()))
            raise BadCandles(f"{path}: row {row}: {name} is {texts[name].iloc[row]!r}, no number")
        found[name] = numbers.astype(np.float64)
    return pd.DataFrame(found)


def _texts(path: Path) -> pd.DataFrame:
    """Texts under the names of `NUMBERS` and `time`."""
    try:
        with path.open("rb") as raw:
            encoding = encoding_of(raw.read(2))
        with path.open(encoding=encoding, newline="") as file:
            head = file.readline()
        separator = max(_SEPARATORS, key=head.count)
        is_named = not _is_row(head.strip().split(separator))
        table = pd.read_csv(
            path,
            sep=separator,
            header=0 if is_named else None,
            encoding=encoding,
            dtype=str,
            quoting=csv.QUOTE_MINIMAL,
            skipinitialspace=True,
        )
    except (OSError, ValueError) as error:
        reason = " ".join(str(error).split())
        raise BadCandles(f"{path}: not readable as CSV ({reason})") from error
    if not is_named:
        named = ("timestamp", *NUMBERS)
        table.columns = [*named, *map(str, range(len(named), table.shape[1]))]
    table.columns = [re.sub(r"\W+", "_", str(name).strip().lower()) for name in table.columns]
    times = [name for name in _TIMES if name in table.columns]
    missing = [] if times else ["timestamp"]
    missing += [name for name in NUMBERS if name not in table.columns]
    if missing:
        raise BadCandles(
            f"{path}: no column {', '.join(missing)}; it has {', '.join(table.columns)}"
        )
    if table.empty:
        raise BadCandles(f"{path}: no rows")
    found = table[list(NUMBERS)].assign(time=table[times[0]])
    if separator == ";":  # where commas are decimal points
        found = found.apply(lambda column: column.str.replace(",", "."))
    return found


def _is_row(fields: list[str]) -> bool:
    """Whether a first line is a candle already."""
    return len(fields) > len(NUMBERS) and all(
        re.fullmatch(r"\d+(\.\d+)?", each) for each in fields[: len(NUMBERS) + 1]
    )


def _times(path: Path, texts: pd.Series) -> pd.Series:
    """UTC milliseconds, NA for an empty field. Raises BadCandles."""
    given = texts[texts.notna()]
    if given.empty:
        return pd.Series(pd.NA, texts.index, "Int64")
    numbers = pd.to_numeric(given, errors="coerce")
    if numbers.notna().all():
        found = in_ms(path, numbers)
    else:
        dates = pd.to_datetime(given, utc=True, format="ISO8601", errors="coerce")
        wrong = numbers.isna() if numbers.notna().iloc[0] else dates.isna()
        if wrong.any():
            row = int(np.argmax(wrong.to_numpy()))
            raise BadCandles(
                f"{path}: times are neither numbers nor ISO dates such as 2025-01-31 12:00: "
                f"row {given.index[row]} has {given.iloc[row]!r}"
            )
        found = dates.astype("datetime64[ms, UTC]").astype(np.int64)
    return found.reindex(texts.index).astype("Int64")


def in_ms(path: Path, numbers: pd.Series) -> pd.Series:
    """UTC milliseconds of times in one unit, in which the first lies between 2009 and 2100.

    Raises BadCandles where there is no such unit, and for a row that is in another.
    """
    unit = unit_of(float(numbers.iloc[0]), LAST_S * 1000)
    if unit is None:
        raise BadCandles(
            f"{path}: row {numbers.index[0]}: {numbers.iloc[0]:g} is no time since 2009 in "
            f"{', '.join(UNITS)}"
        )
    per_s = UNITS[unit]
    fits = numbers.between(FIRST_S * per_s, LAST_S * per_s)
    if not fits.all():
        row = int(np.argmax(~fits.to_numpy()))
        other = unit_of(float(numbers.iloc[row]), LAST_S * 1000)
        found = "is no time since 2009" if other is None else f"seems to be in {other}"
        raise BadCandles(
            f"{path}: row {numbers.index[row]}: {numbers.iloc[row]:.0f} {found}, the first row is "
            f"in {unit}: a file has one unit"
        )
    ms = numbers * 1_000 if per_s == 1 else numbers / (per_s // 1_000)
    if (ms % 1 != 0).any():
        row = int(np.argmax((ms % 1 != 0).to_numpy()))
        raise BadCandles(
            f"{path}: row {numbers.index[row]}: {numbers.iloc[row]} {unit} are no whole millisecond"
        )
    return ms.astype(np.int64)
