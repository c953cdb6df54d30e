"""Candle files into the archive and out of it, one file for each symbol."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from crypto_bot.adapters.store.candle_archive import EVER_MS
from crypto_bot.adapters.store.candle_files import (
    SUFFIXES,
    closed_ones,
    read_candles,
    require_timeframe,
    symbol_of,
    write_candles,
)
from crypto_bot.domain.candle import Candle, CandleFault, faults
from crypto_bot.domain.errors import BadCandles, ConfigError
from crypto_bot.domain.timeframe import Timeframe
from crypto_bot.ports import CandleArchive

_FIRST_ROWS = 3


@dataclass(frozen=True, slots=True)
class FaultReport:
    """How often one kind of `domain.candle.faults` occurs, and its first rows, counted from 0."""

    kind: str
    count: int
    first_rows: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class ImportReport:
    """What became of one file: `stored` of its `rows`; `problem` where it could not be read.

    `rows` are those of closed candles; `still_open` counts the others, which are left out.
    """

    symbol: str
    path: Path
    rows: int = 0
    stored: int = 0
    faults: tuple[FaultReport, ...] = ()
    problem: str | None = None
    still_open: int = 0


@dataclass(frozen=True, slots=True)
class ExportReport:
    """One file that was written."""

    symbol: str
    path: Path
    rows: int


def import_folder(
    archive: CandleArchive,
    path: Path,
    timeframe: Timeframe,
    symbols: Sequence[str] | None,
    *,
    skip_bad: bool,
    now_ms: int,
) -> list[ImportReport]:
    """Imports `<SYMBOL>.parquet` and `.csv` of a folder, or one such file; None for all symbols.

    Nothing is stored of a file with faults, or with `skip_bad` all but the faulty rows; nor of one
    whose usual step is another timeframe. A candle that is open at `now_ms` is left out. Raises
    ConfigError where there is nothing to import, StoreError where the database fails.
    """
    files = candle_paths(path)
    if symbols is not None:
        files = {symbol: files.get(symbol, path / f"{symbol}.parquet") for symbol in symbols}
    return [
        _import_file(archive, symbol, file, timeframe, skip_bad=skip_bad, now_ms=now_ms)
        for symbol, file in files.items()
    ]


def candle_paths(path: Path) -> dict[str, Path]:
    """The candle files at `path`, a folder or one file, by symbol. Raises ConfigError for none."""
    if path.is_file() and path.suffix in SUFFIXES:
        return {_symbol(path): path}
    if not path.is_dir():
        raise ConfigError(f"no candles at {path}: name a folder, or a .parquet or .csv file")
    found: dict[str, Path] = {}
    for file in sorted(path.iterdir()):
        if file.suffix in SUFFIXES and not file.name.startswith("."):
            symbol = _symbol(file)
            if symbol in found:
                raise ConfigError(
                    f"both {found[symbol]} and {file}: remove one of them, or join them"
                )
            found[symbol] = file
    if not found:
        raise ConfigError(f"no candles at {path}: it holds no <SYMBOL>.parquet or <SYMBOL>.csv")
    return found


def _symbol(path: Path) -> str:
    symbol = symbol_of(path)
    if symbol is None:
        raise ConfigError(f"{path}: no name of a candle file such as BTCUSDT{path.suffix}")
    return symbol


def export_folder(
    archive: CandleArchive,
    folder: Path,
    symbols: Sequence[str] | None,
    file_format: Literal["parquet", "csv"],
) -> list[ExportReport]:
    """Writes all candles of each symbol to `folder`; None for all symbols that have some.

    Raises ConfigError where a file cannot be written or a symbol has no candles.
    """
    reports = []
    for symbol in sorted(archive.newest_opens()) if symbols is None else symbols:
        candles = archive.read(symbol, 0, EVER_MS)
        if not candles and symbols is not None:
            raise ConfigError(f"no candles of {symbol} are stored: import or sync them first")
        if not candles:
            continue  # it has confirmed gaps alone
        path = folder / f"{symbol}.{file_format}"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            write_candles(path, candles)
        except OSError as error:
            raise ConfigError(f"cannot write {path}: {error}") from error
        reports.append(ExportReport(symbol, path, len(candles)))
    return reports


def _import_file(
    archive: CandleArchive,
    symbol: str,
    path: Path,
    timeframe: Timeframe,
    *,
    skip_bad: bool,
    now_ms: int,
) -> ImportReport:
    try:
        read = read_candles(path)
        require_timeframe(path, read.open_ms, timeframe)
        columns = closed_ones(path, read, timeframe, now_ms)
    except BadCandles as error:
        return ImportReport(symbol, path, problem=str(error))
    candles = columns.candles()
    found = [] if columns.are_sound(timeframe) else faults(candles, timeframe)
    stored = candles
    if found:
        stored = _without(candles, found) if skip_bad else []
    archive.add({symbol: stored})
    return ImportReport(
        *(symbol, path, len(candles), len(stored), _reports(found)),
        still_open=read.open_ms.size - columns.open_ms.size,
    )


def _without(candles: Sequence[Candle], found: Sequence[CandleFault]) -> list[Candle]:
    bad = {fault.row for fault in found}
    return [candle for row, candle in enumerate(candles) if row not in bad]


def _reports(found: Sequence[CandleFault]) -> tuple[FaultReport, ...]:
    rows: dict[str, list[int]] = {}
    for fault in found:
        rows.setdefault(fault.kind, []).append(fault.row)
    return tuple(
        FaultReport(kind, len(at), tuple(at[:_FIRST_ROWS])) for kind, at in sorted(rows.items())
    )
