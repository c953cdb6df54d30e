"""Candles of several coins as one table: features, labels, and which rows may be used for what."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import structlog

from crypto_bot.domain.errors import NotEnoughData
from crypto_bot.domain.label import LabelSpec
from crypto_bot.domain.timeframe import Timeframe
from crypto_bot.features.batch import batch
from crypto_bot.features.sets import FeatureSet
from crypto_bot.labels.labels import ClassCounts, Labels, count_classes, label, uniqueness
from crypto_bot.market_data.candle_table import CandleTable
from crypto_bot.models.families.family import Examples, Features
from crypto_bot.statistics.rows import Bools, Floats, Ints, Rows
from crypto_bot.training.baselines import RowKeys, last_known

_FEATURES = "features"
_WHOLE = {"symbols", "question", "features"}
"""Fields of a panel that are no column of its rows."""

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Coin:
    """The candles of one symbol; `market_since_ms` as `kernel.batch` takes it."""

    symbol: str
    table: CandleTable
    market_since_ms: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Question:
    """What is read and what is asked: the same for every coin."""

    timeframe: Timeframe
    features: FeatureSet
    label: LabelSpec
    window_bars: int


@dataclass(frozen=True, slots=True)
class Panel:
    """One row for each candle of each coin, the series of one coin after the other.

    `ready`: a whole window of valid features ends here, across no gap. `usable`: it is ready and
    its label is known; the other label columns mean nothing elsewhere. `known`: the newest label of
    the coin that this close has decided, as `baselines.RowKeys` takes it. `weight`: average
    uniqueness of the label. `features` are 0 where not valid. All arrays [n].
    """

    symbols: tuple[str, ...]
    question: Question
    features: Features
    open_ms: Ints
    coin: Ints
    ready: Bools
    usable: Bools
    label: Ints
    known: Ints
    weight: Floats
    long_bps: Floats
    late_bps: Floats
    atr_bps: Floats

    @property
    def horizon_ms(self) -> int:
        """How long a trade is held."""
        return self.question.label.horizon.ms(self.question.timeframe)

    def of(self, symbol: str) -> Bools:
        """Which rows are those of one coin, [n]."""
        own: Bools = self.coin == self.symbols.index(symbol)
        return own

    def examples(self, chosen: Ints) -> Examples:
        """The usable rows `chosen` to learn from."""
        return Examples(self.features, chosen, self.label[chosen], self.weight[chosen])

    def separate(self, chosen: Ints) -> Examples:
        """Those of `chosen` whose labels do not overlap, each in full: one for each horizon."""
        kept = chosen[self.open_ms[chosen] % self.horizon_ms < self.question.timeframe.ms]
        return Examples(self.features, kept, self.label[kept], np.ones(kept.size))

    def keys(self, chosen: Ints) -> RowKeys:
        """What simple baselines know of the rows `chosen`."""
        return RowKeys(
            *(self.open_ms[chosen], self.coin[chosen], self.known[chosen]),
            self.question.timeframe,
        )

    def rows(self, chosen: Ints, fold: Ints) -> Rows:
        """The rows `chosen` with what followed each, for evaluation."""
        return Rows(
            self.open_ms[chosen],
            self.coin[chosen],
            fold,
            self.label[chosen],
            self.long_bps[chosen],
            self.late_bps[chosen],
            self.atr_bps[chosen],
            self.question.label,
            self.question.timeframe,
        )


def build_panel(
    coins: Sequence[Coin],
    leader: CandleTable | None,
    question: Question,
    keep_at: Path | None = None,
) -> Panel:
    """Features and labels of `coins`; logs the label distribution of each.

    `keep_at`: a folder that takes all of it, where `load_panel` finds it again. The features are
    then read from there when they are asked for, by all the processes of a run from the same pages.
    Raises OSError where the disk has no room, BadCandles as `kernel.batch` does, NotEnoughData
    where a coin has too few candles for a single window or its labels hold fewer than two classes.
    """
    shape = (sum(coin.table.open_ms.size for coin in coins), len(question.features.columns))
    features: Features = np.empty((0, shape[1]), np.float32)
    if keep_at is None:
        features = np.empty(shape, np.float32)
    elif shape[0]:
        path = keep_at / f"{_FEATURES}.npy"
        features = np.lib.format.open_memmap(path, "w+", np.float32, shape)
        _reserve(path)
    parts, filled = [], 0
    for number, coin in enumerate(coins):
        made, part = _columns(number, coin, leader, question)
        features[filled : filled + made.shape[0]] = made
        filled += made.shape[0]
        parts.append(part)
    columns = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    columns["known"] = _known(columns, question)
    if isinstance(features, np.memmap):
        assert keep_at is not None
        features.flush()
        for name, column in columns.items():
            np.save(keep_at / f"{name}.npy", column, allow_pickle=False)
    return Panel(tuple(coin.symbol for coin in coins), question, features, **columns)


def _reserve(path: Path) -> None:
    """Takes the room on the disk now: writing to a mapped file that has none kills the process."""
    with path.open("r+b") as file:
        os.posix_fallocate(file.fileno(), 0, path.stat().st_size)


def load_panel(folder: Path, symbols: tuple[str, ...], question: Question) -> Panel:
    """What `build_panel` kept there of these coins; all of it stays on disk until it is read."""

    def kept(name: str) -> Any:
        # Copy on write: torch wants what it shares to be writable. Nobody writes.
        return np.load(folder / f"{name}.npy", mmap_mode="c", allow_pickle=False)

    columns = {field.name: kept(field.name) for field in fields(Panel) if field.name not in _WHOLE}
    return Panel(symbols, question, kept(_FEATURES), **columns)


def _known(columns: dict[str, Any], question: Question) -> Ints:
    """The newest label of the coin that each usable row's close has decided."""
    usable = columns["usable"]
    rows = np.flatnonzero(usable)
    known = np.zeros(usable.size, dtype=np.int64)
    known[rows] = last_known(
        columns["open_ms"][rows],
        columns["coin"][rows],
        columns["label"][rows],
        question.label.horizon.ms(question.timeframe),
    )
    return known


def _columns(
    number: int, coin: Coin, leader: CandleTable | None, question: Question
) -> tuple[Features, dict[str, Any]]:
    """Features of one coin, and its other columns by name."""
    after = _labelled(coin, question)
    open_ms = coin.table.open_ms
    made = batch(
        question.features,
        question.timeframe,
        coin.table,
        leader,
        symbol=coin.symbol,
        market_since_ms=coin.market_since_ms,
        dtype=np.float32,
    )
    ready = ready_rows(open_ms // question.timeframe.ms, made.valid, question.window_bars)
    return np.where(made.valid[:, None], made.rows, np.float32(0.0)), {
        "open_ms": open_ms,
        "coin": np.full(open_ms.size, number, dtype=np.int64),
        "ready": ready,
        "usable": ready & (after.label >= 0),
        "label": after.label.astype(np.int64),
        "weight": uniqueness(open_ms, after.end_ms, question.timeframe),
        "long_bps": after.long_bps,
        "late_bps": after.late_bps,
        "atr_bps": after.atr_bps,
    }


def labels_of(coin: Coin, question: Question) -> tuple[Labels, ClassCounts]:
    """Raises NotEnoughData where nothing can be learned from `coin`."""
    count = coin.table.open_ms.size
    horizon = question.label.horizon.bars(question.timeframe)
    least = question.features.warm_up_bars(question.timeframe) + question.window_bars + horizon
    if count < least:
        raise NotEnoughData(
            f"it has {count} candles: {least} are needed for a single window of "
            f"{question.window_bars} rows of {question.features.name} with its label, and many "
            "times as many to learn from"
        )
    after = label(question.label, question.timeframe, coin.table.open_ms, coin.table.candles)
    return after, count_classes(after.label, question.label.classes)


def _labelled(coin: Coin, question: Question) -> Labels:
    """The labels of `coin`; logs their distribution."""
    try:
        after, found = labels_of(coin, question)
    except NotEnoughData as error:
        raise NotEnoughData(f"{coin.symbol}: {error}") from error
    for warning in found.warnings:
        log.warning("labels.skewed", symbol=coin.symbol, reason=warning)
    log.info("labels.counted", symbol=coin.symbol, counts=found.counts)
    return after


def ready_rows(bars: Ints, valid: Bools, window_bars: int) -> Bools:
    """Rows [n] at which `window_bars` valid rows end that follow one another without a gap."""
    begins = np.ones(bars.size, np.bool_)
    begins[1:] = (np.diff(bars) != 1) | ~valid[:-1] | ~valid[1:]
    row = np.arange(bars.size)
    since = np.maximum.accumulate(np.where(begins, row, 0))
    ready: Bools = valid & (row - since + 1 >= window_bars)
    return ready
