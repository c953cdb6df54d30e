"""Series in files: when each value became known, and files that are not as they should be."""

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import csv, parquet

from crypto_bot.adapters.series.context import trading_files
from crypto_bot.adapters.series.files import FileLayout, FileSeries
from crypto_bot.adapters.series.registered import SERIES
from crypto_bot.domain.errors import MarketDataError
from crypto_bot.domain.instant import HOUR_MS
from crypto_bot.domain.timeframe import Timeframe
from tests.real_data import real_folder

Write = Callable[..., Path]
HOURLY = FileLayout("flow/{symbol}", "taker", delay_ms=HOUR_MS)


@pytest.fixture(params=[".parquet", ".csv"])
def write(tmp_path: Path, request: pytest.FixtureRequest) -> Write:
    """Writes columns to the file of a symbol, in both formats."""

    def written(symbol: str = "BTCUSDT", **columns: object) -> Path:
        path = tmp_path / "flow" / f"{symbol}{request.param}"
        path.parent.mkdir(exist_ok=True)
        table = pa.table(columns)
        if request.param == ".csv":
            csv.write_csv(table, path)
        else:
            parquet.write_table(table, path)
        return path

    return written


def test_values_are_known_when_the_layout_says(tmp_path: Path, write: Write) -> None:
    write(timestamp=[0, HOUR_MS, 2 * HOUR_MS], taker=[1.0, 2.0, 3.0], other=["a", "b", "c"])
    series = FileSeries("taker", HOURLY, tmp_path)
    assert series.read("BTCUSDT", 0, 10**9) == [
        (HOUR_MS, 1.0),
        (2 * HOUR_MS, 2.0),
        (3 * HOUR_MS, 3.0),
    ]
    assert series.read("BTCUSDT", HOUR_MS + 1, 3 * HOUR_MS) == [
        (2 * HOUR_MS, 2.0),
        (3 * HOUR_MS, 3.0),
    ]
    assert series.read("BTCUSDT", HOUR_MS, 2 * HOUR_MS - 1) == [(HOUR_MS, 1.0)]
    assert series.read("ETHUSDT", 0, 10**9) == []


def test_a_column_of_its_own_says_when(tmp_path: Path, write: Write) -> None:
    times = pa.array([1_700_000_000_000, 1_700_000_060_000], pa.timestamp("ms", tz="UTC"))
    write(known=times, taker=[1, 2])
    series = FileSeries("taker", FileLayout("flow/{symbol}", "taker", known="known"), tmp_path)
    found = series.read("BTCUSDT", 0, 2 * 10**12)
    assert found == [(1_700_000_000_000, 1.0), (1_700_000_060_000, 2.0)]


def test_disorder_is_sorted_and_what_has_no_value_is_left_out(tmp_path: Path, write: Write) -> None:
    write(timestamp=[30, 10, 20, 20, 40], taker=[3.0, 1.0, 2.0, 2.5, None])
    found = FileSeries("taker", FileLayout("flow/{symbol}", "taker"), tmp_path).read(
        "BTCUSDT", 0, 99
    )
    assert found == [(10, 1.0), (20, 2.0), (20, 2.5), (30, 3.0)]


def test_a_changed_file_is_read_again(tmp_path: Path, write: Write) -> None:
    series = FileSeries("taker", FileLayout("flow/{symbol}", "taker"), tmp_path)
    write(timestamp=[10], taker=[1.0])
    assert series.read("BTCUSDT", 0, 99) == [(10, 1.0)]
    path = write(timestamp=[10, 20], taker=[1.0, 2.0])
    os.utime(path, ns=(1, 1))
    assert series.read("BTCUSDT", 0, 99) == [(10, 1.0), (20, 2.0)]


def test_what_is_wrong_with_a_file_is_one_line(tmp_path: Path, write: Write) -> None:
    series = FileSeries("taker", HOURLY, tmp_path)

    def refused(expected: str) -> None:
        with pytest.raises(MarketDataError, match=expected) as error:
            series.read("BTCUSDT", 0, 10**9)
        assert "\n" not in str(error.value)

    path = write(timestamp=[0], maker=[1.0])
    refused(r"BTCUSDT\.\w+: no column taker; it has timestamp, maker")
    write(timestamp=pa.array([0, None], pa.int64()), taker=[1.0, 2.0])
    refused("1 rows without timestamp")
    write(timestamp=[0], taker=["many"])
    refused("not readable as taker")
    path.write_bytes(b"PAR1\xff,\x00 nothing of the kind")
    refused("not readable as taker|no column")
    path.write_bytes(b"")
    refused("not readable as taker")


def test_the_registered_series_read_the_files_of_the_context() -> None:
    folder = real_folder("context")
    for name in SERIES.names():
        series = SERIES.get(name)(folder)
        assert series.name == name
        if name in {"btc_dominance", "dxy", "bid_ask_ratio"}:  # there is no file of it
            continue
        found = series.read("BTCUSDT", 1_735_689_600_000, 1_738_368_000_000)  # January 2025
        assert len(found) > 25, name
        assert np.isfinite([each.value for each in found]).all()
    for name, series in trading_files(folder, Timeframe.parse("15m")).items():
        found = series.read("BTCUSDT", 1_735_689_600_000, 1_738_368_000_000)
        assert len(found) == 31 * 96 + 1, name
    assert 0.0 < min(found)[1] < 1e5  # the mean size of a trade, in USDT


def test_a_value_may_be_one_column_over_another(tmp_path: Path, write: Write) -> None:
    write(timestamp=[0, HOUR_MS, 2 * HOUR_MS], taker=[1.0, 2.0, 3.0], volume=[4.0, 0.0, 3.0])
    layout = FileLayout("flow/{symbol}", "taker", per="volume")
    found = FileSeries("share", layout, tmp_path).read("BTCUSDT", 0, 10**9)
    assert found == [(0, 0.25), (2 * HOUR_MS, 1.0)]
