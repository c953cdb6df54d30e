"""The candles that models are trained on: from files or from the database."""

from __future__ import annotations

import csv
import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from crypto_bot.adapters.clock import SystemClock
from crypto_bot.adapters.series.registered import TRADING
from crypto_bot.adapters.store.candle_archive import EVER_MS, SqlCandleArchive
from crypto_bot.adapters.store.candle_files import (
    CandleColumns,
    closed_ones,
    joined,
    read_candles,
    require_timeframe,
)
from crypto_bot.adapters.store.candle_names import candle_folder
from crypto_bot.adapters.store.database import Database
from crypto_bot.app.market_data import newest_possible_ms, wanted_series
from crypto_bot.app.settings import Settings
from crypto_bot.domain.candle import require_sound
from crypto_bot.domain.errors import ConfigError
from crypto_bot.domain.stamp import require_possible
from crypto_bot.domain.timeframe import Timeframe
from crypto_bot.market_data.candle_table import CandleTable, candle_table
from crypto_bot.market_data.observations import SeriesColumn, read_series
from crypto_bot.ports.market_data import Observation, Series
from crypto_bot.training.panel import Coin


class TrainingCandles:
    """Candles of the coins `symbols`, read when they are asked for.

    Of each coin those that open before `until_ms`, where it is given: what comes later is kept for
    a test that no model has seen.
    """

    def __init__(
        self, symbols: Iterable[str], read: Callable[[str], Coin], until_ms: int | None = None
    ) -> None:
        self.symbols = tuple(symbols)
        self._read, self._until_ms = read, until_ms

    def read(self, symbol: str) -> Coin:
        """The candles of `symbol`. Raises ConfigError where there are none, BadCandles."""
        coin = self._read(symbol)
        if self._until_ms is None:
            return coin
        return replace(coin, table=coin.table.before(self._until_ms))


def training_candles(
    path: Path | None,
    settings: Settings,
    until_ms: int | None = None,
    wanted: tuple[SeriesColumn, ...] = (),
) -> TrainingCandles:
    """From the files at `path`, or from the database of the settings, with the `wanted` series.

    Raises ConfigError where series are wanted that must be there and no folder of them is set.
    """
    if path is not None:
        return with_series(_in_files(path, settings.timeframe), settings, until_ms, wanted)
    stored = {name: _StoredSeries(name, settings) for name in TRADING}
    return with_series(_stored(settings), settings, until_ms, wanted, stored)


def with_series(
    held: TrainingCandles,
    settings: Settings,
    until_ms: int | None,
    wanted: tuple[SeriesColumn, ...],
    stored: Mapping[str, Series] | None = None,
) -> TrainingCandles:
    """The candles `held` before `until_ms`, with the `wanted` series. Raises ConfigError.

    `stored`: those that lie with the candles.
    """
    series = wanted_series(settings, wanted, stored or {})

    def read(symbol: str) -> Coin:
        coin = held.read(symbol)
        closes_ms = coin.table.open_ms[[0, -1]] + settings.timeframe.ms
        observed = read_series(series, wanted, symbol, (int(closes_ms[0]), int(closes_ms[1])))
        return replace(coin, table=replace(coin.table, observed=observed))

    return TrainingCandles(held.symbols, read if wanted else held.read, until_ms)


def _in_files(path: Path, timeframe: Timeframe) -> TrainingCandles:
    """What files hold.

    `path` is a folder of `<SYMBOL>.parquet` or `.csv`, or one such file; the parts of a series are
    joined, and files that name another timeframe passed over. Beside a folder `NAME` a
    file `NAME_segments.csv` may name the markets that a coin's candles come from (columns symbol,
    market, first; UTC): volume jumps where they change, and features begin anew there.
    """
    found = candle_folder(path, timeframe)
    paths = found.files
    if found.unnamed or not paths:
        wrong = (found.unnamed or found.other_timeframes)[0]
        raise ConfigError(f"{wrong}: no name such as BTCUSDT{wrong.suffix} of {timeframe.name}")
    now_ms = SystemClock().now_ms()
    changes = _market_changes(path.with_name(f"{path.name}_segments.csv"))

    def read(symbol: str) -> Coin:
        if symbol not in paths:
            held = ", ".join(sorted(paths)[:5]) + (" …" if len(paths) > 5 else "")
            raise ConfigError(f"no candles of {symbol} at {path}: it holds {held}")
        parts = [_part(part, timeframe, now_ms) for part in paths[symbol]]
        columns = parts[0] if len(parts) == 1 else joined(parts)
        if not columns.are_sound(timeframe):
            require_sound(columns.candles(), timeframe, str(paths[symbol][0]))
        table = CandleTable(columns.open_ms, np.column_stack(columns[1:]))
        return Coin(symbol, table, changes.get(symbol, ()))

    return TrainingCandles(paths, read)


def _part(path: Path, timeframe: Timeframe, now_ms: int) -> CandleColumns:
    columns = closed_ones(path, read_candles(path), timeframe, now_ms)
    require_timeframe(path, columns.open_ms, timeframe)
    return columns


@contextmanager
def _archive(settings: Settings) -> Iterator[SqlCandleArchive]:
    with closing(Database.open(settings.database_url, settings.engine_key)) as database:
        yield SqlCandleArchive(database, settings.timeframe)


class _StoredSeries:
    """How the engine's candles were traded: the series `name` of its archive."""

    def __init__(self, name: str, settings: Settings) -> None:
        self.name = name
        self._settings = settings

    def read(self, symbol: str, since_ms: int, until_ms: int) -> Sequence[Observation]:
        """See the port."""
        with _archive(self._settings) as opened:
            return opened.series[self.name].read(symbol, since_ms, until_ms)


def _stored(settings: Settings) -> TrainingCandles:
    """What the engine has archived."""

    def read(symbol: str) -> Coin:
        with _archive(settings) as opened:
            found = opened.read(symbol, 0, EVER_MS, revised=True)
        if not found:
            raise ConfigError(
                f"no {settings.tf} candles of {symbol} are stored: bring them with "
                "'crypto-bot candles sync' or 'import', or name --candles"
            )
        require_possible(
            (candle.open_ms for candle in found),
            newest_possible_ms(settings),
            f"stored candles of {symbol} ('crypto-bot candles check' names such rows)",
        )
        return Coin(symbol, candle_table(found))

    with _archive(settings) as opened:
        return TrainingCandles(sorted(opened.newest_opens()), read)


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
    return {
        symbol: tuple(new[0] for old, new in itertools.pairwise(sorted(held)) if old[1] != new[1])
        for symbol, held in segments.items()
    }
