"""Which rows of the shared tables belong to a store, and the ends of each symbol among them."""

from __future__ import annotations

from sqlalchemy import ColumnElement, FromClause, Select, Table, func, select

from crypto_bot.adapters.store.database import Database
from crypto_bot.adapters.store.tables import SERVED, predictions
from crypto_bot.domain.timeframe import Timeframe

Scope = tuple[ColumnElement[bool], ...]


def of_engine(table: FromClause, database: Database, timeframe: Timeframe) -> Scope:
    """Rows of `table` that the engine of `database` made on `timeframe`."""
    return table.c.engine == database.engine_id, table.c.tf == timeframe.name


def of_market(table: Table, database: Database, timeframe: Timeframe) -> Scope:
    """Rows of `table`, candles or gaps, of the market that the engine of `database` reads."""
    return table.c.market_id == database.market_id, table.c.tf == timeframe.name


def served(database: Database, timeframe: Timeframe) -> Scope:
    """Predictions that the engine of `database` served on `timeframe`."""
    return *of_engine(predictions, database, timeframe), SERVED


def newest_opens(
    table: Table, open_ms: ColumnElement[int], *scope: ColumnElement[bool]
) -> Select[str, int]:
    """Rows (symbol, newest `open_ms`) of `table` where `scope` holds."""
    return _of_symbols(table, func.max(open_ms), scope)


def oldest_opens(
    table: Table, open_ms: ColumnElement[int], *scope: ColumnElement[bool]
) -> Select[str, int]:
    """Rows (symbol, oldest `open_ms`), as `newest_opens`."""
    return _of_symbols(table, func.min(open_ms), scope)


def _of_symbols(table: Table, end: ColumnElement[int], scope: Scope) -> Select[str, int]:
    """Rows (symbol, `end` of its rows).

    Steps from one symbol to the next within the index, for GROUP BY would read all of it
    (https://wiki.postgresql.org/wiki/Loose_indexscan).
    """
    symbol = table.c.symbol
    symbols = select(func.min(symbol).label("symbol")).where(*scope).cte("symbols", recursive=True)
    following = select(func.min(symbol)).where(*scope, symbol > symbols.c.symbol).scalar_subquery()
    symbols = symbols.union_all(select(following).where(symbols.c.symbol.is_not(None)))
    found = select(end).where(*scope, symbol == symbols.c.symbol).scalar_subquery()
    return select(symbols.c.symbol, found).where(symbols.c.symbol.is_not(None))
