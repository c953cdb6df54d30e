"""The candles that models are trained on: from files or from the database."""

from __future__ import annotations

import csv
import itertools
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol, TypeVar

import numpy as np

from crypto_bot.adapters.store.candle_archive import EVER_MS, SqlCandleArchive
from crypto_bot.adapters.store.candle_files import read_candles
from crypto_bot.adapters.store.candle_transfer import candle_paths
from crypto_bot.adapters.store.database import Database
from crypto_bot.app.settings import Settings
from crypto_bot.domain.candle import require_sound
from crypto_bot.domain.errors import ConfigError
from crypto_bot.domain.timeframe import Timeframe
from crypto_bot.market_data.candle_table import CandleTable, candle_table
from crypto_bot.training.panel import Coin

_T = TypeVar("_T")


class TrainingCandles(Protocol):
    """Candles of coins, by symbol."""

    @property
    def symbols(self) -> tuple[str, ...]:
        """Those that are there."""
        ...

    def read(self, symbol: str) -> Coin:
        """All candles of `symbol`. Raises ConfigError where there are none."""
        ...


def training_candles(
    path: Path | None, settings: Settings, until_ms: int | None
) -> TrainingCandles:
    """From the files at `path`, or from the database of the settings.

    Of each coin those that open before `until_ms`, where it is given: what comes later is kept for
    a test that no model has seen.
    """
    held: TrainingCandles
    held = StoredCandles(settings) if path is None else FileCandles(path, settings.timeframe)
    return held if until_ms is None else EarlierCandles(held, until_ms)


class EarlierCandles:
    """Those of another that open before an instant."""

    def __init__(self, held: TrainingCandles, until_ms: int) -> None:
        self._held, self._until_ms = held, until_ms

    @property
    def symbols(self) -> tuple[str, ...]:
        return self._held.symbols

    def read(self, symbol: str) -> Coin:
        coin = self._held.read(symbol)
        return replace(coin, table=coin.table.before(self._until_ms))


class FileCandles:
    """A folder of `<SYMBOL>.parquet` or `.csv`, or one such file.

    Beside a folder `NAME` a file `NAME_segments.csv` may tell of the markets that a coin's candles
    come from (columns symbol, market, first; UTC): volume jumps where they change, and features
    begin anew there.
    """

    def __init__(self, path: Path, timeframe: Timeframe) -> None:
        self._path, self._timeframe = path, timeframe
        self._paths = candle_paths(path)
        self._changes = _market_changes(path.with_name(f"{path.name}_segments.csv"))

    @property
    def symbols(self) -> tuple[str, ...]:
        return tuple(self._paths)

    def read(self, symbol: str) -> Coin:
        if symbol not in self._paths:
            held = ", ".join(sorted(self._paths)[:5]) + (" …" if len(self._paths) > 5 else "")
            raise ConfigError(f"no candles of {symbol} at {self._path}: it holds {held}")
        columns = read_candles(self._paths[symbol])
        if not columns.are_sound(self._timeframe):
            require_sound(columns.candles(), self._timeframe, str(self._paths[symbol]))
        found = CandleTable(columns.open_ms, np.column_stack(columns[1:]))
        return Coin(symbol, found, self._changes.get(symbol, ()))


class StoredCandles:
    """What the engine has archived."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.symbols = tuple(sorted(self._asked(lambda archive: archive.newest_opens())))

    def read(self, symbol: str) -> Coin:
        found = self._asked(lambda archive: archive.read(symbol, 0, EVER_MS))
        if not found:
            raise ConfigError(
                f"no {self._settings.tf} candles of {symbol} are stored: bring them with "
                "'crypto-bot candles sync' or 'import', or name --candles"
            )
        return Coin(symbol, candle_table(found))

    def _asked(self, question: Callable[[SqlCandleArchive], _T]) -> _T:
        database = Database.open(self._settings.database_url)
        try:
            return question(SqlCandleArchive(database, self._settings.timeframe))
        finally:
            database.close()


def _market_changes(path: Path) -> dict[str, tuple[int, ...]]:
    """First candles of each coin after a change of market, UTC ms. Raises ConfigError."""
    if not path.exists():
        return {}
    segments: dict[str, list[tuple[int, str]]] = {}
    try:
        with path.open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                first = datetime.fromisoformat(row["first"]).replace(tzinfo=UTC)
                first_ms = int(first.timestamp() * 1000)
                segments.setdefault(row["symbol"], []).append((first_ms, row["market"]))
    except (OSError, KeyError, ValueError) as error:
        raise ConfigError(
            f"{path}: expected columns symbol, market and first (UTC): {error}"
        ) from error
    return {symbol: _changes(sorted(held)) for symbol, held in segments.items()}


def _changes(segments: Sequence[tuple[int, str]]) -> tuple[int, ...]:
    pairs = itertools.pairwise(segments)
    return tuple(later[0] for earlier, later in pairs if earlier[1] != later[1])
