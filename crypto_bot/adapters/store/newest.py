"""The newest row of each symbol by one index seek a symbol, however many rows there are."""

from __future__ import annotations

from sqlalchemy import ColumnElement, Select, Table, func, select


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
