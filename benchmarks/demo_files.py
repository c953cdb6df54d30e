"""Writes the files of the demo: `python -m benchmarks.demo_files [FOLDER]`.

The candles, from a FOLDER of candle files: prices and volumes are decimals of the exchange's own
step, so that every float is read as it was, in a third of the space. Then what the demo's model
answers on each of them up to the start (minutes).
"""

from __future__ import annotations

import sys
from contextlib import closing
from pathlib import Path

import numpy as np
import pyarrow as pa
from pyarrow import parquet

from crypto_bot.adapters.store.call_files import write_calls
from crypto_bot.adapters.store.candle_archive import SqlCandleArchive
from crypto_bot.adapters.store.candle_files import read_candles
from crypto_bot.adapters.store.database import Database
from crypto_bot.adapters.store.queries import SqlPredictionQueries
from crypto_bot.app.commands.backtest import IN_MEMORY, replay_into
from crypto_bot.app.commands.demo import demo_settings
from crypto_bot.app.demo import CALLS, CANDLES, HISTORY_MS, SINCE_MS, START_MS, UNTIL_MS
from crypto_bot.app.shipped import SYMBOLS, shipped
from crypto_bot.app.symbols import load_symbols
from crypto_bot.backtesting.verification import pages
from crypto_bot.domain.signal import MODEL_SOURCES

_VALUES = ("open", "high", "low", "close", "volume")
_MOST_DECIMALS = 8


def write_candles(source: Path) -> None:
    """One file for each coin of the shipped list. Raises ValueError for a value it cannot keep."""
    folder = shipped(CANDLES)
    folder.mkdir(parents=True, exist_ok=True)
    for symbol in load_symbols(SYMBOLS):
        table = parquet.read_table(source / f"{symbol}.parquet")
        open_ms = table["timestamp"].to_numpy()
        kept = table.take(np.flatnonzero((open_ms >= HISTORY_MS) & (open_ms < UNTIL_MS)))
        columns = {"timestamp": kept["timestamp"]}
        prices = np.concatenate([kept[name].to_numpy() for name in _VALUES[:-1]])
        scale = _scale(prices)
        for name in _VALUES:
            values = kept[name].to_numpy()
            columns[name] = _decimal(values, scale if name != "volume" else _scale(values))
        made = pa.table(columns)
        parquet.write_table(
            *(made, folder / f"{symbol}.parquet"),
            compression="zstd",
            compression_level=19,
            use_dictionary=False,
            store_decimal_as_integer=True,
            column_encoding=dict.fromkeys(made.column_names, "DELTA_BINARY_PACKED"),
        )


def _scale(values: np.ndarray[tuple[int], np.dtype[np.float64]]) -> int:
    """The fewest decimals that all `values` have; sums of volumes have noise of the last bit."""
    for scale in range(_MOST_DECIMALS + 1):
        if np.allclose(np.round(values, scale), values, rtol=1e-15, atol=0.0):
            return scale
    raise ValueError(f"values of more than {_MOST_DECIMALS} decimals")


def _decimal(values: np.ndarray[tuple[int], np.dtype[np.float64]], scale: int) -> pa.Array:
    whole = np.zeros((values.size, 2), np.int64)  # 128 bits, the low ones first
    whole[:, 0] = np.rint(values * 10.0**scale)
    kind = pa.decimal128(18, scale)
    return pa.Array.from_buffers(kind, values.size, [None, pa.py_buffer(whole.tobytes())])


def write_answers() -> None:
    """The model's calls by the replay that the demo then repeats from them."""
    settings = demo_settings([])
    symbols, timeframe = load_symbols(settings.symbols_file), settings.timeframe
    with closing(Database.open(IN_MEMORY, settings.engine_key)) as database:
        archive = SqlCandleArchive(database, timeframe)
        for symbol in symbols:
            candles = read_candles(shipped(CANDLES) / f"{symbol}.parquet").candles()
            archive.add({symbol: [each for each in candles if each.open_ms < START_MS]})
        last_ms = START_MS - timeframe.ms
        replay_into(settings, symbols, archive, database, since_ms=SINCE_MS, until_ms=last_ms)
        log = pages(SqlPredictionQueries(database, timeframe), SINCE_MS, last_ms)
        answers = [line.stored.signal for line in log]
    answers.sort(key=lambda signal: (signal.symbol, signal.candle_open_ms))
    write_calls(shipped(CALLS), [each for each in answers if each.source in MODEL_SOURCES])


if __name__ == "__main__":
    for given in sys.argv[1:]:
        write_candles(Path(given))
    write_answers()
