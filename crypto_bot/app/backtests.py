"""What a backtest reads: candles from the database or from files, funding, and model calls."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from functools import cache
from math import nan
from pathlib import Path

import numpy as np

from crypto_bot.adapters.store.candle_archive import SqlCandleArchive
from crypto_bot.adapters.store.database import Database
from crypto_bot.adapters.store.instruments import SqlInstruments
from crypto_bot.app.market_data import open_series
from crypto_bot.app.settings import Settings
from crypto_bot.app.training.candles import training_candles
from crypto_bot.backtesting.backtest import Past
from crypto_bot.backtesting.columns import ModelCalls, Models
from crypto_bot.domain.candle import Candle
from crypto_bot.domain.distribution import Distribution
from crypto_bot.domain.errors import ConfigError
from crypto_bot.domain.instant import HOUR_MS
from crypto_bot.domain.label import SHORT_NO_TRADE_LONG
from crypto_bot.domain.outcome import Outcome
from crypto_bot.domain.quote import Funding
from crypto_bot.domain.signal import MODEL_SOURCES, Call, Pred, Signal, Source
from crypto_bot.domain.timeframe import Timeframe
from crypto_bot.features.views import RuleViews
from crypto_bot.market_data.candle_table import CandleTable, candle_table
from crypto_bot.ports import StoredSignal
from crypto_bot.ports.market_data import Series
from crypto_bot.serving.stored_calls import StoredCalls

_FUNDING = "funding"
_MINUTE = Timeframe.parse("1m")
_SIDES = {Pred.SHORT: -1, Pred.NO_TRADE: 0, Pred.LONG: 1}
_PREDS = {side: pred for pred, side in _SIDES.items()}


def stored_past(
    settings: Settings, symbols: Sequence[str], database: Database, span_ms: tuple[int, int]
) -> Past:
    """What the engine of `database` has archived of a span, both ends included, and before it.

    Candles as they were when the engine ran them. Raises ConfigError, StoreError.
    """
    archive = SqlCandleArchive(database, settings.timeframe)
    minutes = SqlCandleArchive(database, _MINUTE)
    history_ms = span_ms[0] - _history_ms(settings)
    read = {symbol: archive.read(symbol, history_ms, span_ms[1]) for symbol in symbols}
    tables = {symbol: candle_table(candles) for symbol, candles in read.items() if candles}
    past = _past(settings, database, tables, span_ms[0])
    known = minutes.newest_opens()
    return replace(past, inside=_Minutes(minutes.read, known, settings.timeframe))


def past_in_files(
    settings: Settings,
    symbols: Sequence[str],
    database: Database,
    path: Path,
    span_ms: tuple[int, int],
) -> Past:
    """The same of the candle files at `path`. Raises ConfigError, BadCandles, StoreError.

    A folder `1m` in it may hold candles of a minute.
    """
    held = training_candles(path, settings, span_ms[1] + 1)
    tables = {}
    for symbol in symbols:
        if symbol in held.symbols:
            table = held.read(symbol).table
            first = int(np.searchsorted(table.open_ms, span_ms[0] - _history_ms(settings)))
            if first < table.open_ms.size:
                tables[symbol] = CandleTable(table.open_ms[first:], table.candles[first:])
    past = _past(settings, database, tables, span_ms[0])
    if settings.timeframe == _MINUTE or not (path / _MINUTE.name).is_dir():
        return past
    shorter = settings.model_copy(update={"tf": _MINUTE.name})
    minutes = training_candles(path / _MINUTE.name, shorter, span_ms[1] + settings.timeframe.ms)
    tables_of = cache(lambda symbol: minutes.read(symbol).table)

    def read(symbol: str, since_ms: int, until_ms: int) -> list[Candle]:
        return tables_of(symbol).between(since_ms, until_ms)

    return replace(past, inside=_Minutes(read, minutes.symbols, settings.timeframe))


class _Minutes:
    """Candles of a minute inside a candle, where all are there and show the same extremes."""

    def __init__(
        self,
        read: Callable[[str, int, int], Sequence[Candle]],
        symbols: Collection[str],
        timeframe: Timeframe,
    ) -> None:
        self._read, self._symbols, self._timeframe = read, symbols, timeframe

    def __call__(self, symbol: str, candle: Candle) -> Sequence[Candle]:
        if symbol not in self._symbols:
            return ()
        close_ms = self._timeframe.close_of(candle.open_ms)
        found = self._read(symbol, candle.open_ms, close_ms - _MINUTE.ms)
        if len(found) != self._timeframe.ms // _MINUTE.ms:
            return ()
        extremes = max(each.high for each in found), min(each.low for each in found)
        return found if extremes == (candle.high, candle.low) else ()


def _past(
    settings: Settings, database: Database, tables: Mapping[str, CandleTable], since_ms: int
) -> Past:
    if not any(table.open_ms[-1] >= since_ms for table in tables.values()):
        raise ConfigError("there is no candle between --since and --until")
    return Past(
        tables=tables,
        instruments=SqlInstruments(database).all(),
        fundings=_fundings(open_series(settings), tables, since_ms),
    )


def _history_ms(settings: Settings) -> int:
    """The time before the first signal that its measurements are made from."""
    return RuleViews((), settings.timeframe).history_bars * settings.timeframe.ms


def _fundings(
    series: Mapping[str, Series], tables: Mapping[str, CandleTable], since_ms: int
) -> list[Funding]:
    """The settled rates of the coins from `since_ms` on that are known, due on the hour."""
    if _FUNDING not in series:
        return []
    return [
        Funding(symbol, seen.known_ms // HOUR_MS * HOUR_MS, Decimal(repr(seen.value)))
        for symbol, table in tables.items()
        for seen in series[_FUNDING].read(symbol, since_ms, int(table.open_ms[-1]))
    ]


class MadeCalls:
    """A sink of the engine that keeps the calls of models, for another backtest of them."""

    def __init__(self) -> None:
        self._made: dict[str, list[Signal]] = defaultdict(list)

    def committed(self, signals: Sequence[StoredSignal], outcomes: Sequence[Outcome]) -> None:  # noqa: ARG002 - a sink's
        """Keeps those of models."""
        for signal, _, _ in signals:
            if signal.source in MODEL_SOURCES:
                self._made[signal.symbol].append(signal)

    def models(self, source: Source) -> Models | None:
        """All of them; None where there are none."""
        calls = {symbol: _columns(made) for symbol, made in self._made.items()}
        return Models(source, calls) if calls else None


def _columns(made: Sequence[Signal]) -> ModelCalls:
    label, version = made[-1].label, made[-1].model_version
    assert label is not None
    assert version is not None
    return ModelCalls(
        np.array([each.candle_open_ms for each in made]),
        np.array([_SIDES[each.pred] for each in made]),
        np.array([each.distribution.probabilities for each in made]),
        np.array([nan if each.expected_bps is None else each.expected_bps for each in made]),
        *(label, version),
    )


def stored_calls(models: Models) -> StoredCalls:
    """The same calls for the cycle."""
    return StoredCalls(
        {
            (symbol, open_ms): Call(
                _PREDS[side],
                (),
                Distribution(SHORT_NO_TRADE_LONG, tuple(p)),
                expected_bps=None if expected != expected else expected,  # noqa: PLR0124 - NaN
                model_version=calls.version,
                label=calls.label,
            )
            for symbol, calls in models.calls.items()
            for open_ms, side, p, expected in zip(
                *(each.tolist() for each in calls[:4]), strict=True
            )
        },
        models.source,
    )
