"""A data set in one `.npz` file: windows and labels for other programs, and what they were made of.

`X [n, window, columns]` float32 and `y [n]` are what most tools train from. Training here reads the
candles and series of the same file and makes windows and labels anew, so that features are audited,
folds are cut by time and returns are measured as in every other run. `docs/recipes.md` lists all
arrays.
"""

from __future__ import annotations

import json
import os
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from crypto_bot.domain.errors import BadCandles
from crypto_bot.features.sets import schema_hash
from crypto_bot.market_data.candle_table import CandleTable
from crypto_bot.market_data.observations import Observations
from crypto_bot.statistics.rows import Ints
from crypto_bot.training.panel import Coin, Panel, Question

FORMAT = 1
_AT_ONCE = 512
"""Windows written at a time."""
_LEVEL = 1
"""Of deflate: neighbouring windows are all but equal, and the fastest level finds that."""
Arrays = Mapping[str, npt.NDArray[Any]]


@dataclass(frozen=True, slots=True)
class Samples:
    """What a data set holds of one coin: its candles, rows of features, window ends and labels.

    `rows` [bars, columns] float32; `ends` and `labels` [n].
    """

    coin: Coin
    rows: npt.NDArray[np.float32]
    ends: Ints
    labels: Ints


@dataclass(frozen=True, slots=True)
class DataSet:
    """What training reads of a file.

    `features_hash`: the schema hash of the features it was collected for. `coins`: all that it has
    candles of, among them the coin that the features compare with; `symbols` those with samples.
    `simulated`: its candles are those of the simulated exchange, and models of it say so.
    """

    recipe: dict[str, Any]
    timeframe: str
    features_hash: str
    coins: Mapping[str, Coin]
    symbols: tuple[str, ...]
    simulated: bool


class Origin(NamedTuple):
    """By which recipe a data set was collected, and whether from the simulated exchange."""

    recipe: Mapping[str, Any]
    simulated: bool


def samples_of(coin: Coin, panel: Panel) -> Samples:
    """All labelled windows of the only coin of `panel`."""
    ends = np.flatnonzero(panel.usable)
    return Samples(coin, np.asarray(panel.features), ends, panel.label[ends])


def packed_samples(samples: Samples) -> dict[str, npt.NDArray[Any]]:
    """As arrays by name, to be kept until all coins are there."""
    held: dict[str, npt.NDArray[Any]] = {
        "rows": samples.rows,
        "ends": samples.ends,
        "labels": samples.labels,
    }
    return held | _coin_arrays(samples.coin)


def unpacked_samples(held: Arrays) -> Samples:
    """What `packed_samples` made."""
    (symbol,) = held["symbols"].tolist()
    return Samples(_coin(symbol, held), held["rows"], held["ends"], held["labels"])


def write(
    path: Path,
    samples: Sequence[Samples],
    leader: Coin | None,
    question: Question,
    origin: Origin,
) -> None:
    """Writes the file, whole or not at all. Raises OSError."""
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        with zipfile.ZipFile(
            partial, "w", zipfile.ZIP_DEFLATED, allowZip64=True, compresslevel=_LEVEL
        ) as file:
            _write_windows(file, samples, question)
            for name, array in _arrays(samples, leader, question, origin).items():
                with file.open(f"{name}.npy", "w", force_zip64=True) as entry:
                    np.lib.format.write_array(entry, array, allow_pickle=False)
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def read(path: Path) -> DataSet:
    """What training needs of the file. Raises BadCandles in one line for any other file."""
    try:
        with np.load(path, allow_pickle=False) as held:
            if "about" not in held:
                raise BadCandles(
                    f"{path}: no candles in it: only data sets of crypto-bot data collect can be "
                    "trained from, windows and labels alone have no times, prices or returns"
                )
            about = json.loads(str(held["about"]))
            coins = {symbol: _coin(symbol, held) for symbol in held["with_candles"].tolist()}
            symbols = tuple(held["symbols"].tolist())
    except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise BadCandles(f"{path}: not readable as a data set ({error})") from error
    return DataSet(
        *(about["recipe"], about["timeframe"], about["schema_hash"]),
        *(coins, symbols, about["simulated"]),
    )


def _write_windows(file: zipfile.ZipFile, samples: Sequence[Samples], question: Question) -> None:
    shape = (
        sum(each.ends.size for each in samples),
        question.window_bars,
        len(question.features.columns),
    )
    with file.open("X.npy", "w", force_zip64=True) as entry:
        header = {"descr": "<f4", "fortran_order": False, "shape": shape}
        np.lib.format.write_array_header_1_0(entry, header)
        for part in _windows(samples, question.window_bars):
            entry.write(part.astype("<f4", copy=False).tobytes())


def _windows(samples: Sequence[Samples], bars: int) -> Iterator[npt.NDArray[np.float32]]:
    back = np.arange(1 - bars, 1)
    for each in samples:
        for first in range(0, each.ends.size, _AT_ONCE):
            yield each.rows[each.ends[first : first + _AT_ONCE, None] + back]


def _arrays(
    samples: Sequence[Samples],
    leader: Coin | None,
    question: Question,
    origin: Origin,
) -> dict[str, npt.NDArray[Any]]:
    about = {
        "format": FORMAT,
        "recipe": origin.recipe,
        "simulated": origin.simulated,
        "timeframe": question.timeframe.name,
        "features": question.features.name,
        "schema_hash": schema_hash(question.features),
        "label": question.label.as_json(),
        "window_bars": question.window_bars,
    }
    coins = [each.coin for each in samples]
    if leader is not None and leader.symbol not in {coin.symbol for coin in coins}:
        coins.append(leader)
    counts = [each.ends.size for each in samples]
    held: dict[str, npt.NDArray[Any]] = {
        "y": np.concatenate([each.labels for each in samples]),
        "coin": np.repeat(np.arange(len(samples)), counts),
        "open_ms": np.concatenate([each.coin.table.open_ms[each.ends] for each in samples]),
        "symbols": np.array([each.coin.symbol for each in samples]),
        "columns": np.array(question.features.columns),
        "classes": np.array(question.label.classes),
        "about": np.array(json.dumps(about)),
        "with_candles": np.array([coin.symbol for coin in coins]),
    }
    for coin in coins:
        held |= {name: a for name, a in _coin_arrays(coin).items() if name != "symbols"}
    return held


def _coin_arrays(coin: Coin) -> dict[str, npt.NDArray[Any]]:
    name, table = coin.symbol, coin.table
    held: dict[str, npt.NDArray[Any]] = {
        "symbols": np.array([name]),
        f"{name}/open_ms": table.open_ms,
        f"{name}/candles": table.candles,
        f"{name}/market_since_ms": np.array(coin.market_since_ms, np.int64),
        f"{name}/series": np.array(sorted(table.observed), dtype=np.str_),
    }
    for series, known in table.observed.items():
        held[f"{name}/{series}/known_ms"] = known.known_ms
        held[f"{name}/{series}/values"] = known.values
    return held


def _coin(symbol: str, held: Arrays) -> Coin:
    observed = {
        series: Observations(held[f"{symbol}/{series}/known_ms"], held[f"{symbol}/{series}/values"])
        for series in held[f"{symbol}/series"].tolist()
    }
    table = CandleTable(held[f"{symbol}/open_ms"], held[f"{symbol}/candles"], observed)
    return Coin(symbol, table, tuple(held[f"{symbol}/market_since_ms"].tolist()))
