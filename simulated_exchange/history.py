"""A historical market: candles from a folder of files, at their own times."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from simulated_exchange.config import ConfigError
from simulated_exchange.intervals import INTERVALS
from simulated_exchange.market import CLOSE, HIGH, LOW, OPEN, VOLUME, Array, Bars, Listing, Market

_COLUMNS = ("timestamp", "open", "high", "low", "close", "volume")
_MOST_DECIMALS = 8


class HistoryMarket(Market):
    """Replays `<SYMBOL>.parquet` or `<SYMBOL>.csv` of `folder`; bars that it lacks stay missing.

    The files have the columns timestamp (open time in UTC ms), open, high, low, close, volume.
    Their interval is the shortest distance of two rows. Raises ConfigError, naming the file, where
    a file is missing or cannot be read, or holds invalid rows.
    """

    def __init__(self, folder: Path, symbols: Iterable[str]) -> None:
        if not folder.is_dir():
            raise ConfigError(f"no folder of candles at {folder}: it should hold <SYMBOL>.parquet")
        self._bars = {symbol: _sound(_file(folder, symbol)) for symbol in symbols}
        step_ms = min(int(np.diff(bars.open_ms).min()) for bars in self._bars.values())
        if step_ms not in INTERVALS.values():
            raise ConfigError(
                f"the candles in {folder} lie {step_ms} ms apart, which is none of "
                f"{', '.join(INTERVALS)}"
            )
        self.symbols, self.step_ms = tuple(self._bars), step_ms
        for symbol, bars in self._bars.items():
            if (bars.open_ms % step_ms).any():
                raise ConfigError(
                    f"{symbol} in {folder} has open times that are no multiples of {step_ms} ms"
                )

    @property
    def shared_span(self) -> tuple[int, int]:
        """Opens of the first and the last candle of the time in which all symbols are there."""
        first = max(int(bars.open_ms[0]) for bars in self._bars.values())
        return first, min(int(bars.open_ms[-1]) for bars in self._bars.values())

    def listing(self, symbol: str) -> Listing:
        values = self._bars[symbol].values
        return Listing(_decimals(values[:, CLOSE]), _decimals(values[:, VOLUME]))

    def _span(self, symbol: str, since_ms: int, until_ms: int) -> tuple[int, int]:
        opens = self._bars[symbol].open_ms
        start = int(np.searchsorted(opens, since_ms, "left"))
        return start, max(start, int(np.searchsorted(opens, until_ms, "right")))

    def _rows(self, symbol: str, start: int, stop: int) -> Bars:
        return self._bars[symbol].part(start, stop)


def _file(folder: Path, symbol: str) -> Path:
    paths = [folder / f"{symbol}{suffix}" for suffix in (".parquet", ".csv")]
    path = next((path for path in paths if path.is_file()), None)
    if path is None:
        raise ConfigError(f"no candles of {symbol}: neither {paths[0]} nor {paths[1].name} exists")
    return path


def _sound(path: Path) -> Bars:
    try:
        if path.suffix == ".csv":
            table = pa.csv.read_csv(path).select(_COLUMNS)
        else:
            table = pa.parquet.read_table(path, columns=list(_COLUMNS))
        open_ms = table["timestamp"].cast(pa.int64()).to_numpy()
        values = np.column_stack([_numbers(table[name]) for name in _COLUMNS[1:]])
    except (pa.ArrowException, OSError, KeyError) as e:
        raise ConfigError(
            f"{path} is not a file of candles with columns {', '.join(_COLUMNS)}: {e}"
        ) from e
    if len(open_ms) < 2:
        raise ConfigError(f"{path} has {len(open_ms)} candles: two are the least")
    prices = values[:, : CLOSE + 1]
    wrong = ~np.isfinite(values).all(axis=1)
    wrong |= (prices <= 0.0).any(axis=1) | (values[:, VOLUME] < 0.0)
    wrong |= (prices.max(axis=1) > values[:, HIGH]) | (prices.min(axis=1) < values[:, LOW])
    wrong[1:] |= np.diff(open_ms) <= 0
    if wrong.any():
        row = int(np.flatnonzero(wrong)[0])
        raise ConfigError(
            f"{path}: {int(wrong.sum())} rows cannot be candles, the first is row {row} "
            f"(timestamp {open_ms[row]}, open {values[row, OPEN]}): NaN, disorder or a price "
            "outside low..high"
        )
    return Bars(open_ms, values)


def _numbers(column: pa.ChunkedArray) -> Array:
    """As floats; Arrow's own cast of a decimal may be a bit off the float nearest to it."""
    values: Array = column.cast(pa.float64()).to_numpy()
    return np.round(values, column.type.scale) if pa.types.is_decimal(column.type) else values


def _decimals(values: Array) -> int:
    """The fewest decimals that represent the newest thousand of `values` exactly, 8 at most."""
    newest = values[-1000:]
    exact = (d for d in range(_MOST_DECIMALS) if (np.round(newest, d) == newest).all())
    return next(exact, _MOST_DECIMALS)
