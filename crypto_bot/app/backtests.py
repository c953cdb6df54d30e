"""What a backtest reads: candles from the database or from files, funding, and model calls."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal

from crypto_bot.adapters.store.candle_archive import SqlCandleArchive
from crypto_bot.adapters.store.database import Database
from crypto_bot.adapters.store.instruments import SqlInstruments
from crypto_bot.app.market_data import open_series
from crypto_bot.app.settings import Settings
from crypto_bot.backtesting.backtest import Past
from crypto_bot.domain.instant import HOUR_MS
from crypto_bot.domain.quote import Funding
from crypto_bot.features.views import RuleViews
from crypto_bot.market_data.candle_table import CandleTable, candle_table
from crypto_bot.ports.market_data import Series

_FUNDING = "funding"


def stored_past(
    settings: Settings, symbols: Sequence[str], database: Database, span_ms: tuple[int, int]
) -> Past:
    """What the engine of `database` has archived of a span, both ends included, and before it.

    Candles as they were when the engine ran them. Raises ConfigError, StoreError.
    """
    since_ms, until_ms = span_ms
    archive = SqlCandleArchive(database, settings.timeframe)
    history_ms = since_ms - history_bars(settings) * settings.timeframe.ms
    read = {symbol: archive.read(symbol, history_ms, until_ms) for symbol in symbols}
    tables = {symbol: candle_table(candles) for symbol, candles in read.items() if candles}
    return Past(
        tables=tables,
        instruments=SqlInstruments(database).all(),
        fundings=fundings(open_series(settings), tables, since_ms),
    )


def history_bars(settings: Settings) -> int:
    """Candles before the first signal that its measurements are made from."""
    return RuleViews((), settings.timeframe).history_bars


def fundings(
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
