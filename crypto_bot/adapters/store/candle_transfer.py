"""Candle files into the archive and out of it, one file for each symbol."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

from crypto_bot.adapters.store.candle_archive import EVER_MS
from crypto_bot.adapters.store.candle_files import (
    closed_ones,
    read_candles,
    require_timeframe,
    write_candles,
)
from crypto_bot.adapters.store.candle_names import candle_folder
from crypto_bot.domain.candle import Candle, CandleFault, faults
from crypto_bot.domain.errors import BadCandles, ConfigError
from crypto_bot.domain.plausibility import WINDOW_BARS, Plausibility
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
    """What became of one file: `stored` of its `rows`; `problem` where nothing was.

    `rows` are those of closed candles; `still_open` counts the others, which are left out.
    `changed` of those that were stored before have other values now.
    """

    symbol: str
    path: Path
    rows: int = 0
    stored: int = 0
    faults: tuple[FaultReport, ...] = ()
    problem: str | None = None
    still_open: int = 0
    changed: int = 0


@dataclass(frozen=True, slots=True)
class ExportReport:
    """One file that was written."""

    symbol: str
    path: Path
    rows: int


class Rules(NamedTuple):
    """What an import may do.

    `skip_bad`: store a file without its faulty rows. `replace`: change candles that are stored.
    Candles that are open at `now_ms` are left out.
    """

    now_ms: int
    skip_bad: bool = False
    replace: bool = False


def import_folder(
    archive: CandleArchive,
    path: Path,
    timeframe: Timeframe,
    symbols: Sequence[str] | None,
    rules: Rules,
) -> list[ImportReport]:
    """Imports the Parquet and CSV files of a folder, or one file; None for all symbols.

    Nothing is stored of a file with faults or of another timeframe, nor of one that would change
    stored candles, unless the `rules` allow it. Raises ConfigError where there is nothing to
    import, StoreError where the database fails.
    """
    found = candle_folder(path, timeframe)
    files = found.files
    if symbols is not None:
        files = {symbol: files.get(symbol, [path / f"{symbol}.parquet"]) for symbol in symbols}
    reports = [
        _import_file(archive, symbol, file, timeframe, rules)
        for symbol, parts in files.items()
        for file in parts
    ]
    if symbols is None:
        reports += [
            ImportReport(file.stem, file, problem=f"{file}: by its name not of {timeframe.name}")
            for file in found.other_timeframes
        ]
        reports += [
            ImportReport(file.stem, file, problem=f"{file}: no name such as BTCUSDT{file.suffix}")
            for file in found.unnamed
        ]
    return reports


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
        candles = archive.read(symbol, 0, EVER_MS, revised=True)
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
    archive: CandleArchive, symbol: str, path: Path, timeframe: Timeframe, rules: Rules
) -> ImportReport:
    try:
        read = read_candles(path)
        columns = closed_ones(path, read, timeframe, rules.now_ms)
        require_timeframe(path, read.open_ms, timeframe)
    except BadCandles as error:
        return ImportReport(symbol, path, problem=str(error))
    candles = columns.candles()
    found = [] if columns.are_sound(timeframe) else faults(candles, timeframe)
    stored = candles
    if found:
        stored = _without(candles, found) if rules.skip_bad else []
    changed = _changed(archive, symbol, stored)
    if changed and not rules.replace:
        return ImportReport(
            *(symbol, path, len(candles)),
            problem=f"{path}: would change {len(changed):,} stored candles: --replace 1 does so",
        )
    foreign = _foreign(archive, symbol, stored, timeframe, rules)
    if foreign:
        # Of two rows of one time the first was kept.
        rows = {each.open_ms: row for row, each in reversed([*enumerate(candles)])}
        found = [*found, *(CandleFault("foreign_price", rows[at]) for at in foreign)]
        stored = _without(candles, found) if rules.skip_bad else []
    changed = sorted(set(changed) & {each.open_ms for each in stored})
    archive.remove(symbol, changed)  # with their revisions: what is imported is the candle
    archive.add({symbol: stored})
    return ImportReport(
        *(symbol, path, len(candles), len(stored), _reports(found)),
        still_open=read.open_ms.size - columns.open_ms.size,
        changed=len(changed),
    )


def _foreign(
    archive: CandleArchive,
    symbol: str,
    candles: Sequence[Candle],
    timeframe: Timeframe,
    rules: Rules,
) -> list[int]:
    """Open times of candles that open too far from the last close, in the file or stored.

    Where stored candles are to be replaced they are no evidence.
    """
    if not candles:
        return []
    first_ms, judge = candles[0].open_ms, Plausibility(timeframe)
    if not rules.replace:
        since_ms = first_ms - WINDOW_BARS * timeframe.ms
        judge.learn(symbol, archive.read(symbol, since_ms, first_ms - 1, revised=True))
    return [each.candle.open_ms for each in judge.sift(symbol, candles, ()).doubted]


def _changed(archive: CandleArchive, symbol: str, candles: Sequence[Candle]) -> list[int]:
    """Open times of those that are stored with other values."""
    if not candles:
        return []
    stored = archive.read(symbol, candles[0].open_ms, candles[-1].open_ms, revised=True)
    before = {each.open_ms: each for each in stored}
    return [each.open_ms for each in candles if before.get(each.open_ms, each) != each]


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
