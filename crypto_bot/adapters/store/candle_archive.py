"""Closed candles and confirmed gaps of one market and timeframe, in the database."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from itertools import chain, repeat
from operator import add
from typing import Any, cast

from sqlalchemy import delete, exists, select

from crypto_bot.adapters.store.database import Database
from crypto_bot.adapters.store.scope import newest_opens, of_market
from crypto_bot.adapters.store.tables import CANDLE
from crypto_bot.adapters.store.tables import candles as candles_table
from crypto_bot.adapters.store.tables import gaps as gaps_table
from crypto_bot.domain.candle import Candle
from crypto_bot.domain.timeframe import Timeframe
from crypto_bot.ports import Gap

_candle: Callable[[tuple[Any, ...]], Candle] = partial(tuple.__new__, Candle)
"""`Candle._make` for rows that are known to have six values: a third less time for a start."""

EVER_MS = 2**62
"""Later than any candle."""

_REPLACE = "(market_id, tf, symbol, open_ms) DO UPDATE SET " + ", ".join(
    f"{name} = excluded.{name}" for name in ("open", "high", "low", "close", "volume")
)


class SqlCandleArchive:
    """The archive of one timeframe of the market of `database.key`.

    A candle that is stored again takes the newer values.
    """

    def __init__(self, database: Database, timeframe: Timeframe) -> None:
        self._database = database
        self._tf = timeframe.name
        self._candles, self._gaps = (
            of_market(table, database, timeframe) for table in (candles_table, gaps_table)
        )

    def add(self, candles: Mapping[str, Sequence[Candle]], gaps: Iterable[Gap] = ()) -> None:
        series_of = (self._database.market_id, self._tf)
        with self._database.writing() as connection:
            # Rows (symbol, *candle), put together without a step of the interpreter for each.
            rows = chain.from_iterable(
                map(add, repeat((symbol,)), series) for symbol, series in candles.items()
            )
            self._database.insert(
                *(connection, candles_table, rows),
                first=series_of,
                on_conflict=_REPLACE,
                rows_per_statement=32,
            )
            self._database.insert(connection, gaps_table, gaps, first=series_of)

    def read(self, symbol: str, since_ms: int, until_ms: int) -> list[Candle]:
        column = candles_table.c
        query = (
            select(*CANDLE)
            .where(*self._candles, column.symbol == symbol)
            .where(column.open_ms.between(since_ms, until_ms))
            .order_by(column.open_ms)
        )
        with self._database.reading() as connection:
            # The driver's own tuples: SQLAlchemy's rows would take as long again.
            rows = cast("Iterable[tuple[Any, ...]]", connection.execute(query).cursor)
            return list(map(_candle, rows))

    def remove(self, symbol: str, opens: Iterable[int]) -> None:
        """Deletes the candles and gaps of `symbol` that open then. Raises StoreError."""
        with self._database.writing() as connection:
            for table, scope in ((candles_table, self._candles), (gaps_table, self._gaps)):
                of_symbol = delete(table).where(*scope, table.c.symbol == symbol)
                for open_ms in opens:
                    connection.execute(of_symbol.where(table.c.open_ms == open_ms))

    def newest_opens(self, until_ms: int = EVER_MS) -> dict[str, int]:
        newest: dict[str, int] = {}
        with self._database.reading() as connection:
            for table, scope in ((candles_table, self._candles), (gaps_table, self._gaps)):
                column = table.c.open_ms
                query = newest_opens(table, column, *scope, column <= until_ms)
                for symbol, open_ms in connection.execute(query):
                    newest[symbol] = max(open_ms, newest.get(symbol, open_ms))
        return newest

    def gaps(self, since_ms: int) -> list[Gap]:
        """Those that no candle has filled since."""
        gap, candle = gaps_table.c, candles_table.c
        filled = exists().where(
            *self._candles, candle.symbol == gap.symbol, candle.open_ms == gap.open_ms
        )
        query = (
            select(gap.symbol, gap.open_ms)
            .where(*self._gaps, gap.open_ms >= since_ms, ~filled)
            .order_by(gap.open_ms, gap.symbol)
        )
        with self._database.reading() as connection:
            return [Gap._make(row) for row in connection.execute(query)]
