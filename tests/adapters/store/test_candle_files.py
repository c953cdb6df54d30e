"""Candle files: read in every honest form, refused in words otherwise."""

from collections.abc import Callable
from math import nan
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyarrow import csv, parquet

from crypto_bot.adapters.store.candle_files import (
    CandleColumns,
    read_candles,
    write_candles,
)
from crypto_bot.adapters.store.candle_names import FileName
from crypto_bot.domain.candle import Candle, faults
from crypto_bot.domain.errors import BadCandles
from crypto_bot.domain.timeframe import Timeframe

M15 = Timeframe.parse("15m")
T0 = 1_764_547_200_000
SERIES = [Candle(T0 + bar * M15.ms, 0.1 + bar, 2.0 + bar, 0.05, 1.0 + bar, 3.0) for bar in range(9)]


def table(**changed: Any) -> pa.Table:
    names = ("timestamp", "open", "high", "low", "close", "volume")
    columns: dict[str, Any] = dict(zip(names, zip(*SERIES, strict=True), strict=True))
    kept = {name: column for name, column in (columns | changed).items() if column is not None}
    return pa.table({name: pa.array(column) for name, column in kept.items()})


def save(path: Path, content: pa.Table) -> Path:
    if path.suffix == ".csv":
        csv.write_csv(content, path)
    else:
        parquet.write_table(content, path)
    return path


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("BTCUSDT.csv", ("BTCUSDT", None, None)),
        ("ethusdt.csv", ("ETHUSDT", None, None)),
        ("SOL_USDT-15m.csv", ("SOLUSDT", "15m", None)),
        ("BTCUSDT-15m-2026-01.csv", ("BTCUSDT", "15m", "2026-01")),
        ("BTCUSDT-1m-2026-01-31.csv", ("BTCUSDT", "1m", "2026-01-31")),
        ("BTCUSDT-1M-2026.csv", ("BTCUSDT", "1mo", "2026")),
        ("BTC-USD_60MIN.parquet", ("BTCUSD", "60m", None)),
        ("1000PEPEUSDT-15m.csv", ("1000PEPEUSDT", "15m", None)),
        ("candles (1).csv", None),
        ("BTCUSDT-15m-2026-13.csv", None),
        ("SOL_perp.csv", None),
        ("BTCUSDT-15m-2026-1.csv", None),
    ],
)
def test_names_of_files(name: str, found: tuple[str, str, str] | None) -> None:
    assert FileName.parse(Path(name)) == found


@pytest.mark.parametrize("name", ["BTCUSDT.parquet", "BTCUSDT.csv"])
def test_what_is_written_is_read(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    thirds = [candle._replace(volume=candle.open / 3.0) for candle in SERIES]
    write_candles(path, thirds)
    assert read_candles(path).candles() == thirds
    write_candles(path, SERIES)
    assert read_candles(path).candles() == SERIES
    assert list(tmp_path.iterdir()) == [path]


def test_a_failed_write_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "BTCUSDT.parquet"
    path.mkdir()
    with pytest.raises(OSError, match="BTCUSDT"):
        write_candles(path, SERIES)
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("name", ["BTCUSDT.parquet", "BTCUSDT.csv"])
def test_columns_may_be_more_and_of_other_types(tmp_path: Path, name: str) -> None:
    times = [float(candle.open_ms) for candle in SERIES]
    content = table(timestamp=times, volume=[3] * 9, market=["perp"] * 9)
    path = save(tmp_path / name, content.select(content.column_names[::-1]))
    assert read_candles(path).candles() == SERIES


def test_times_may_be_dates(tmp_path: Path) -> None:
    times = pa.array([candle.open_ms * 1_000_000 for candle in SERIES], pa.timestamp("ns", "UTC"))
    path = save(tmp_path / "BTCUSDT.parquet", table(timestamp=times))
    assert read_candles(path).candles() == SERIES


def test_an_empty_field_is_nan(tmp_path: Path) -> None:
    path = save(tmp_path / "BTCUSDT.csv", table(close=[1.5] * 8 + [None]))
    columns = read_candles(path)
    assert np.isnan(columns.close[8])
    assert not columns.are_sound(M15)


def truncated(path: Path) -> None:
    save(path, table())
    path.write_bytes(path.read_bytes()[:-40])


@pytest.mark.parametrize(
    ("name", "make", "message"),
    [
        ("A.parquet", lambda path: path.touch(), "not readable as candles"),
        ("A.csv", lambda path: path.touch(), "not readable as CSV"),
        ("A.parquet", truncated, "not readable as candles"),
        ("A.csv", lambda path: path.write_text("a,b\n1,2\n3"), "no column timestamp, open"),
        ("A.csv", lambda path: path.write_bytes(b"\x00\xff\xfe" * 50), "not readable as CSV"),
        ("A.parquet", lambda path: save(path, table(volume=None)), "no column volume; it has"),
        ("A.csv", lambda path: save(path, table(open=None, low=None)), "no column open, low"),
        ("A.parquet", lambda path: save(path, table().slice(0, 0)), "no rows"),
        ("A.csv", lambda path: save(path, table().slice(0, 0)), "no rows"),
        ("A.csv", lambda path: save(path, table(open=["x"] * 9)), "row 0: open is 'x', no number"),
        ("A.csv", lambda path: save(path, table(timestamp=[1.5] * 9)), "1.5 is no time since 2009"),
        ("A.csv", lambda path: save(path, table(timestamp=[None] * 9)), "9 rows without a time"),
        ("A.parquet", lambda path: None, "not readable as candles"),
    ],
)
def test_a_file_without_candles_is_refused_in_one_line(
    tmp_path: Path, name: str, make: Callable[[Path], object], message: str
) -> None:
    path = tmp_path / name
    make(path)
    with pytest.raises(BadCandles) as refused:
        read_candles(path)
    assert str(refused.value).startswith(f"{path}: ")
    assert message in str(refused.value)
    assert "\n" not in str(refused.value)


prices = st.one_of(st.floats(0.5, 2.0), st.sampled_from([0.0, -1.0, nan, float("inf"), 1.0]))
bars = st.one_of(st.integers(0, 6).map(lambda bar: T0 + bar * M15.ms), st.integers(T0, T0 + 5))
broken = st.lists(st.builds(Candle, bars, prices, prices, prices, prices, prices), max_size=6)
steps = st.lists(st.integers(1, 3), max_size=8)
body = st.tuples(*[st.floats(0.5, 2.0)] * 4).map(sorted)


@st.composite
def nearly_sound(draw: st.DrawFn) -> list[Candle]:
    """A sound series with gaps in which one value may be replaced."""
    open_ms, series = T0, []
    for step in draw(steps):
        low, opened, close, high = draw(body)
        series.append(Candle(open_ms, opened, high, low, close, draw(st.floats(0.0, 9.0))))
        open_ms += step * M15.ms
    is_broken = draw(st.booleans())
    if series and is_broken:
        row = draw(st.integers(0, len(series) - 1))
        field = draw(st.sampled_from(Candle._fields))
        values: dict[str, float] = dict(zip(Candle._fields, series[row], strict=True))
        values[field] = draw(bars) if field == "open_ms" else draw(prices)
        series[row] = Candle._make(values.values())
    return series


@settings(max_examples=400, deadline=None)
@given(st.one_of(broken, nearly_sound()))
def test_the_fast_check_agrees_with_the_domain(series: list[Candle]) -> None:
    fields = list(zip(*series, strict=True)) or [()] * 6
    open_ms = np.array(fields[0], dtype=np.int64)
    columns = CandleColumns(open_ms, *(np.array(field, dtype=np.float64) for field in fields[1:]))
    assert columns.are_sound(M15) == (not faults(series, M15))
