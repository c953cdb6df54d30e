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
    Rules,
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
    btc, eth, xrp = import_folder(archive, folder, M15, None, Rules(NOW_MS))
    assert btc == ImportReport("BTCUSDT", folder / "BTCUSDT.parquet", 5, 5)
    assert eth == ImportReport("ETHUSDT", folder / "ETHUSDT.csv", 11, 0, FOUND)
    assert xrp.problem is not None
    assert xrp.problem.startswith(f"{folder / 'XRPUSDT.csv'}: not readable as CSV")
    assert archive.read("BTCUSDT", 0, EVER_MS) == SOUND
    assert archive.newest_opens() == {"BTCUSDT": T0 + 4 * M15.ms}


def test_skip_bad_stores_the_rows_without_faults(archive: SqlCandleArchive, folder: Path) -> None:
    (eth,) = import_folder(archive, folder, M15, ["ETHUSDT"], Rules(NOW_MS, skip_bad=True))
    assert (eth.rows, eth.stored, eth.faults) == (11, 3, FOUND)
    assert archive.read("ETHUSDT", 0, EVER_MS) == [candle(0), candle(5), candle(7)]


def test_one_file_and_a_symbol_without_one(archive: SqlCandleArchive, folder: Path) -> None:
    (btc,) = import_folder(archive, folder / "BTCUSDT.parquet", M15, None, Rules(NOW_MS))
    assert btc.stored == 5
    (sol,) = import_folder(archive, folder, M15, ["SOLUSDT"], Rules(NOW_MS))
    assert sol.problem is not None
    assert "SOLUSDT.parquet: not readable" in sol.problem


@pytest.mark.parametrize("name", ["BTCUSDT.csv", "BTCUSDT.parquet"])
def test_the_open_candle_is_left_out_and_a_later_one_refused(
    archive: SqlCandleArchive, tmp_path: Path, name: str
) -> None:
    path, last_ms = tmp_path / name, T0 + 4 * M15.ms
    write_candles(path, SOUND[::-1])  # the newest first
    (late,) = import_folder(archive, path, M15, None, Rules(last_ms - 1))
    assert late.problem == f"{path}: row 4: {last_ms} ms is after now"
    (found,) = import_folder(archive, path, M15, None, Rules(last_ms + M15.ms - 1))
    assert (found.rows, found.stored, found.still_open) == (4, 4, 1)
    assert archive.read("BTCUSDT", 0, EVER_MS) == SOUND[:4]


@pytest.mark.parametrize(
    ("step_ms", "minutes"),
    [(4 * M15.ms, 60), (M15.ms // 3, 5), (2 * M15.ms, 30), (8 * M15.ms, 120)],
)
def test_candles_of_another_timeframe_are_refused(
    archive: SqlCandleArchive, tmp_path: Path, step_ms: int, minutes: int
) -> None:
    series = [candle(0)._replace(open_ms=T0 + bar * step_ms) for bar in range(40)]
    write_candles(tmp_path / "BTCUSDT.csv", series)
    (found,) = import_folder(archive, tmp_path, M15, None, Rules(NOW_MS, skip_bad=True))
    assert found.problem is not None
    assert found.problem.endswith(f"its candles are {minutes} minutes apart, not 15m")


@pytest.mark.parametrize("name", ["BTCUSDT.csv", "BTCUSDT.parquet"])
@pytest.mark.parametrize(
    ("stamps", "why"),
    [
        ([T0 * 1000, (T0 + M15.ms) * 1000], None),
        ([T0 // 1000, (T0 + M15.ms) // 1000], None),
        ([T0 * 10**6, (T0 + M15.ms) * 10**6], None),
        ([0, M15.ms], "row 0: 0 is no time since 2009"),
        ([T0, T0 + 4_000 * M15.ms], f"row 1: {T0 + 4_000 * M15.ms} ms is after now"),
        ([T0, (T0 + M15.ms) * 1000], "seems to be in microseconds, the first row is in milli"),
        ([T0 // 1000, T0 + M15.ms], "seems to be in milliseconds, the first row is in seconds"),
        ([T0, 5], "row 1: 5 is no time since 2009, the first row is in milliseconds"),
    ],
)
def test_times_are_read_in_one_unit_or_refused_with_the_one_they_seem_to_be_in(
    archive: SqlCandleArchive, tmp_path: Path, name: str, stamps: list[int], why: str | None
) -> None:
    path = tmp_path / name
    write_candles(path, [candle(0)._replace(open_ms=stamp) for stamp in stamps])
    (found,) = import_folder(archive, path, M15, None, Rules(NOW_MS, skip_bad=True))
    if why is None:
        assert archive.read("BTCUSDT", 0, EVER_MS) == SOUND[:2]
    else:
        assert why in (found.problem or "")
        assert archive.newest_opens() == {}


def test_names_are_understood_or_refused_one_by_one(
    archive: SqlCandleArchive, tmp_path: Path
) -> None:
    for name, bars in (
        *(("BTCUSDT-15m-2026-01", range(5)), ("BTCUSDT-15m-2026-02", range(4, 9))),
        *(("SOL_USDT-15m", range(5)), ("ethusdt", range(5)), ("SOL_USDT-1h", range(5))),
        *(("ADAUSDT-1M", range(5)), ("my candles", range(5)), ("XRP_USDT_USDT-15m", range(5))),
    ):
        write_candles(tmp_path / f"{name}.csv", [candle(bar) for bar in bars])
    reports = import_folder(archive, tmp_path, M15, None, Rules(NOW_MS))
    stored = {symbol: len(archive.read(symbol, 0, EVER_MS)) for symbol in archive.newest_opens()}
    assert stored == {"BTCUSDT": 9, "ETHUSDT": 5, "SOLUSDT": 5}
    refused = {each.path.stem: each.problem for each in reports if each.problem}
    assert refused == {
        "ADAUSDT-1M": f"{tmp_path / 'ADAUSDT-1M.csv'}: by its name not of 15m",
        "SOL_USDT-1h": f"{tmp_path / 'SOL_USDT-1h.csv'}: by its name not of 15m",
        "XRP_USDT_USDT-15m": f"{tmp_path / 'XRP_USDT_USDT-15m.csv'}: no name such as BTCUSDT.csv",
        "my candles": f"{tmp_path / 'my candles.csv'}: no name such as BTCUSDT.csv",
    }


def test_stored_candles_are_changed_only_on_demand(
    archive: SqlCandleArchive, tmp_path: Path
) -> None:
    path = tmp_path / "BTCUSDT.csv"
    other = [*SOUND[:3], candle(3)._replace(volume=4.0), candle(4)._replace(volume=4.0), candle(5)]
    write_candles(path, other)
    archive.add({"BTCUSDT": SOUND})
    (refused,) = import_folder(archive, path, M15, None, Rules(NOW_MS))
    assert refused.problem == f"{path}: would change 2 stored candles: --replace 1 does so"
    assert archive.read("BTCUSDT", 0, EVER_MS) == SOUND
    for changed in (2, 0):  # the second time nothing is left to change
        (done,) = import_folder(archive, path, M15, None, Rules(NOW_MS, replace=changed > 0))
        assert (done.stored, done.changed) == (6, changed)
    assert archive.read("BTCUSDT", 0, EVER_MS) == other


def test_nothing_to_import_is_a_usage_error(archive: SqlCandleArchive, tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "absent"):
        with pytest.raises(ConfigError, match="no candles at"):
            import_folder(archive, path, M15, None, Rules(NOW_MS))
    write_candles(tmp_path / "BTCUSDT.csv", SOUND)
    write_candles(tmp_path / "BTCUSDT.parquet", SOUND)
    with pytest.raises(ConfigError, match="remove one of them"):
        import_folder(archive, tmp_path, M15, None, Rules(NOW_MS))


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
    import_folder(again, tmp_path / "out", M15, None, Rules(NOW_MS))
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
    assert check(archive, M15, None, NOW_MS) == [
        GapReport("BTCUSDT", 6, T0, last, 3, 8, 1, 3, T0 + 6 * M15.ms),
        GapReport("ETHUSDT", 1, T0, T0, 0, 0, 0, 0, None),
        GapReport("XRPUSDT", 0, None, None, 0, 0, 0, 0, None),
    ]
    assert [report.rows for report in check(archive, M15, ["SOLUSDT"], NOW_MS)] == [0]


def test_rows_that_cannot_be_true_are_named_and_removed(archive: SqlCandleArchive) -> None:
    micros = [candle(0)._replace(open_ms=(T0 + bar * M15.ms) * 1000) for bar in range(3)]
    low = candle(2)._replace(low=1e6)
    archive.add(
        {"BTCUSDT": [*SOUND, *micros], "ETHUSDT": [candle(0), low]}, [Gap("XRPUSDT", M15.ms)]
    )
    btc, eth, xrp = check(archive, M15, None, NOW_MS)
    assert (btc.rows, btc.last_open_ms, btc.missing_bars) == (5, T0 + 4 * M15.ms, 0)
    assert btc.impossible == tuple(each.open_ms for each in micros)
    assert "seems to be in microseconds (2025-12-01 00:00 UTC)" in btc.why
    assert (eth.rows, eth.impossible) == (1, (low.open_ms,))
    assert eth.why.startswith("high_low ")
    assert (xrp.rows, xrp.why) == (0, f"{M15.ms} ms is before 2009")
    assert archive.newest_opens(NOW_MS)["BTCUSDT"] == T0 + 4 * M15.ms, "the engine goes on there"
    for report in (btc, eth, xrp):
        archive.remove(report.symbol, report.impossible)
    assert archive.read("BTCUSDT", 0, EVER_MS) == SOUND
    assert not any(report.why for report in check(archive, M15, None, NOW_MS))


def test_real_candles_are_sound(archive: SqlCandleArchive) -> None:
    wanted = ["BTCUSDT", "DOTUSDT"]
    folder = real_folder("candles_15m")
    reports = import_folder(archive, folder, M15, wanted, Rules(NOW_MS))
    assert all(report.rows == report.stored > 0 for report in reports)
    found = {
        each.symbol: (each.rows, each.gaps, each.missing_bars)
        for each in check(archive, M15, None, NOW_MS)
    }
    # As the README of the data says.
    assert found == {"BTCUSDT": (114_048, 0, 0), "DOTUSDT": (108_262, 2, 8_762)}
