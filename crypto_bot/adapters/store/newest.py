"""The newest row of each symbol by one index seek a symbol, however many rows there are."""

from __future__ import annotations

from sqlalchemy import ColumnElement, Select, Table, func, select


def newest_opens(table: Table, open_ms: ColumnElement[int], tf: str) -> Select[str, int]:
    """Rows (symbol, newest `open_ms`) of `table` for the timeframe `tf`.

    Steps from one symbol to the next within the index, for GROUP BY would read all of it
    (https://wiki.postgresql.org/wiki/Loose_indexscan).
    """
    columns = table.c
    first = select(func.min(columns.symbol).label("symbol")).where(columns.tf == tf)
    symbols = first.cte("symbols", recursive=True)
    following = (
        select(func.min(columns.symbol))
        .where(columns.tf == tf, columns.symbol > symbols.c.symbol)
        .scalar_subquery()
    )
    symbols = symbols.union_all(select(following).where(symbols.c.symbol.is_not(None)))
    newest = (
        select(func.max(open_ms))
        .where(columns.tf == tf, columns.symbol == symbols.c.symbol)
        .scalar_subquery()
    )
    return select(symbols.c.symbol, newest).where(symbols.c.symbol.is_not(None))
