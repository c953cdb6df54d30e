"""Which rows of the shared tables belong to a store, and the newest of each symbol among them."""

from __future__ import annotations

from sqlalchemy import ColumnElement, Select, Table, func, select

from crypto_bot.adapters.store.tables import SERVED, predictions
from crypto_bot.domain.engine_key import EngineKey
from crypto_bot.domain.timeframe import Timeframe

Scope = tuple[ColumnElement[bool], ...]


def of_engine(table: Table, key: EngineKey, timeframe: Timeframe) -> Scope:
    """Rows of `table` that the engine `key` made on `timeframe`."""
    return table.c.engine == key.name, table.c.tf == timeframe.name


def of_market(table: Table, key: EngineKey, timeframe: Timeframe) -> Scope:
    """Rows of `table`, candles or gaps, of the market that the engine `key` reads."""
    column = table.c
    return (
        column.exchange == key.exchange,
        column.market == key.market,
        column.tf == timeframe.name,
    )


def served(key: EngineKey, timeframe: Timeframe) -> Scope:
    """Predictions that the engine `key` served on `timeframe`."""
    return *of_engine(predictions, key, timeframe), SERVED


def newest_opens(
    table: Table, open_ms: ColumnElement[int], *scope: ColumnElement[bool]
) -> Select[str, int]:
    """Rows (symbol, newest `open_ms`) of `table` where `scope` holds.

    Steps from one symbol to the next within the index, for GROUP BY would read all of it
    (https://wiki.postgresql.org/wiki/Loose_indexscan).
    """
    symbol = table.c.symbol
    symbols = select(func.min(symbol).label("symbol")).where(*scope).cte("symbols", recursive=True)
    following = select(func.min(symbol)).where(*scope, symbol > symbols.c.symbol).scalar_subquery()
    symbols = symbols.union_all(select(following).where(symbols.c.symbol.is_not(None)))
    newest = select(func.max(open_ms)).where(*scope, symbol == symbols.c.symbol).scalar_subquery()
    return select(symbols.c.symbol, newest).where(symbols.c.symbol.is_not(None))
