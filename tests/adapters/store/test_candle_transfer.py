"""Imports tell every fault and store nothing doubtful; exports come back; gaps are counted."""

from collections.abc import Iterator
from math import nan
from pathlib import Path
from typing import Literal

import pytest

from crypto_bot.adapters.store.candle_archive import SqlCandleArchive
from crypto_bot.adapters.store.candle_files import write_candles
from crypto_bot.adapters.store.candle_transfer import (
    FaultReport,
    ImportReport,
    export_folder,
    import_folder,
)
from crypto_bot.adapters.store.database import Database
from crypto_bot.adapters.store.gap_report import GapReport, check
from crypto_bot.domain.candle import Candle
from crypto_bot.domain.errors import ConfigError
from crypto_bot.domain.timeframe import Timeframe
from crypto_bot.ports import Gap
from tests.real_data import real_folder

M15 = Timeframe.parse("15m")
T0 = 1_764_547_200_000
EVER_MS = 2**60
NOW_MS = T0 + 1_000 * M15.ms


def candle(bar: int) -> Candle:
    return Candle(T0 + bar * M15.ms, 10.0, 12.0, 9.0, 11.0, 3.0)


@pytest.fixture
def archive() -> Iterator[SqlCandleArchive]:
    database = Database.open("sqlite://")
    yield SqlCandleArchive(database, M15)
    database.close()


SOUND = [candle(bar) for bar in range(5)]
FAULTY = [
    candle(0),
    candle(1)._replace(close=nan),
    candle(2)._replace(low=-1.0),
    candle(3)._replace(high=10.5),
    candle(3)._replace(open_ms=T0 + 3 * M15.ms + 1),
    candle(5),
    candle(5),
    candle(4),
    candle(6)._replace(volume=-1.0),
    candle(7),
    candle(7)._replace(high=1.0),
]
FOUND = (
    FaultReport("disordered", 1, (7,)),
    FaultReport("duplicate", 2, (6, 10)),
    FaultReport("high_low", 2, (3, 10)),
    FaultReport("negative_volume", 1, (8,)),
    FaultReport("not_finite", 1, (1,)),
    FaultReport("not_positive", 1, (2,)),
    FaultReport("off_grid", 1, (4,)),
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "candles"
    path.mkdir()
    write_candles(path / "BTCUSDT.parquet", SOUND)
    write_candles(path / "ETHUSDT.csv", FAULTY)
    (path / "XRPUSDT.csv").touch()
    (path / "README.md").write_text("not candles")
    return path


def test_a_faulty_file_is_told_and_nothing_of_it_stored(
    archive: SqlCandleArchive, folder: Path
) -> None:
    btc, eth, xrp = import_folder(archive, folder, M15, None, skip_bad=False, now_ms=NOW_MS)
    assert btc == ImportReport("BTCUSDT", folder / "BTCUSDT.parquet", 5, 5)
    assert eth == ImportReport("ETHUSDT", folder / "ETHUSDT.csv", 11, 0, FOUND)
    assert xrp.problem is not None
    assert xrp.problem.startswith(f"{folder / 'XRPUSDT.csv'}: not readable as CSV")
    assert archive.read("BTCUSDT", 0, EVER_MS) == SOUND
    assert archive.newest_opens() == {"BTCUSDT": T0 + 4 * M15.ms}


def test_skip_bad_stores_the_rows_without_faults(archive: SqlCandleArchive, folder: Path) -> None:
    (eth,) = import_folder(archive, folder, M15, ["ETHUSDT"], skip_bad=True, now_ms=NOW_MS)
    assert (eth.rows, eth.stored, eth.faults) == (11, 3, FOUND)
    assert archive.read("ETHUSDT", 0, EVER_MS) == [candle(0), candle(5), candle(7)]


def test_one_file_and_a_symbol_without_one(archive: SqlCandleArchive, folder: Path) -> None:
    (btc,) = import_folder(
        archive, folder / "BTCUSDT.parquet", M15, None, skip_bad=False, now_ms=NOW_MS
    )
    assert btc.stored == 5
    (sol,) = import_folder(archive, folder, M15, ["SOLUSDT"], skip_bad=False, now_ms=NOW_MS)
    assert sol.problem is not None
    assert "SOLUSDT.parquet: not readable" in sol.problem


@pytest.mark.parametrize("name", ["BTCUSDT.csv", "BTCUSDT.parquet"])
def test_the_open_candle_is_left_out_and_a_later_one_refused(
    archive: SqlCandleArchive, tmp_path: Path, name: str
) -> None:
    path, last_ms = tmp_path / name, T0 + 4 * M15.ms
    write_candles(path, SOUND[::-1])  # the newest first
    (late,) = import_folder(archive, path, M15, None, skip_bad=False, now_ms=last_ms - 1)
    assert late.problem == f"{path}: row 4 opens at {last_ms} ms, after now"
    (found,) = import_folder(archive, path, M15, None, skip_bad=False, now_ms=last_ms + M15.ms - 1)
    assert (found.rows, found.stored, found.still_open) == (4, 4, 1)
    assert archive.read("BTCUSDT", 0, EVER_MS) == SOUND[:4]


def test_candles_of_a_longer_timeframe_are_refused(
    archive: SqlCandleArchive, tmp_path: Path
) -> None:
    write_candles(tmp_path / "BTCUSDT.csv", [candle(bar) for bar in range(0, 40, 4)])
    (found,) = import_folder(archive, tmp_path, M15, None, skip_bad=True, now_ms=NOW_MS)
    assert found.problem is not None
    assert found.problem.endswith("its candles are 60 minutes apart, not 15m")


def test_nothing_to_import_is_a_usage_error(archive: SqlCandleArchive, tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "absent"):
        with pytest.raises(ConfigError, match="no candles at"):
            import_folder(archive, path, M15, None, skip_bad=False, now_ms=NOW_MS)
    write_candles(tmp_path / "BTCUSDT.csv", SOUND)
    write_candles(tmp_path / "BTCUSDT.parquet", SOUND)
    with pytest.raises(ConfigError, match="remove one of them"):
        import_folder(archive, tmp_path, M15, None, skip_bad=False, now_ms=NOW_MS)
    path = tmp_path / "my candles.csv"
    write_candles(path, SOUND)
    with pytest.raises(ConfigError, match=r"no name of a candle file such as BTCUSDT\.csv"):
        import_folder(archive, path, M15, None, skip_bad=False, now_ms=NOW_MS)


@pytest.mark.parametrize("file_format", ["parquet", "csv"])
def test_what_is_exported_can_be_imported(
    archive: SqlCandleArchive, tmp_path: Path, file_format: Literal["parquet", "csv"]
) -> None:
    thirds = [each._replace(volume=each.open_ms / 3.0) for each in SOUND]
    archive.add({"BTCUSDT": thirds, "ETHUSDT": SOUND}, [Gap("XRPUSDT", T0)])
    reports = export_folder(archive, tmp_path / "out", None, file_format)
    assert [(each.symbol, each.path.name, each.rows) for each in reports] == [
        ("BTCUSDT", f"BTCUSDT.{file_format}", 5),
        ("ETHUSDT", f"ETHUSDT.{file_format}", 5),
    ]
    database = Database.open("sqlite://")
    again = SqlCandleArchive(database, M15)
    import_folder(again, tmp_path / "out", M15, None, skip_bad=False, now_ms=NOW_MS)
    assert again.read("BTCUSDT", 0, EVER_MS) == thirds
    database.close()


def test_an_export_that_cannot_be_is_a_usage_error(
    archive: SqlCandleArchive, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError, match="no candles of BTCUSDT are stored"):
        export_folder(archive, tmp_path, ["BTCUSDT"], "csv")
    archive.add({"BTCUSDT": SOUND})
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match="cannot write"):
        export_folder(archive, tmp_path / "file", None, "csv")


def test_gaps_are_counted(archive: SqlCandleArchive) -> None:
    archive.add(
        {"BTCUSDT": [candle(bar) for bar in (0, 1, 4, 5, 9, 13)], "ETHUSDT": SOUND[:1]},
        [Gap("BTCUSDT", T0 + 2 * M15.ms), Gap("BTCUSDT", T0 + 99 * M15.ms), Gap("XRPUSDT", T0)],
    )
    last = T0 + 13 * M15.ms
    assert check(archive, M15, None) == [
        GapReport("BTCUSDT", 6, T0, last, 3, 8, 1, 3, T0 + 6 * M15.ms),
        GapReport("ETHUSDT", 1, T0, T0, 0, 0, 0, 0, None),
        GapReport("XRPUSDT", 0, None, None, 0, 0, 0, 0, None),
    ]
    assert [report.rows for report in check(archive, M15, ["SOLUSDT"])] == [0]


def test_real_candles_are_sound(archive: SqlCandleArchive) -> None:
    wanted = ["BTCUSDT", "DOTUSDT"]
    folder = real_folder("candles_15m")
    reports = import_folder(archive, folder, M15, wanted, skip_bad=False, now_ms=NOW_MS)
    assert all(report.rows == report.stored > 0 for report in reports)
    found = {
        each.symbol: (each.rows, each.gaps, each.missing_bars) for each in check(archive, M15, None)
    }
    # As the README of the data says.
    assert found == {"BTCUSDT": (114_048, 0, 0), "DOTUSDT": (108_262, 2, 8_762)}
