"""Closed candles and confirmed gaps of one market and timeframe, in the database."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from itertools import chain, repeat
from operator import add
from typing import Any, cast

from sqlalchemy import Connection, delete, exists, select

from crypto_bot.adapters.store.database import Database
from crypto_bot.adapters.store.scope import newest_opens, of_market, oldest_opens
from crypto_bot.adapters.store.tables import CANDLE, candle_revisions
from crypto_bot.adapters.store.tables import candles as candles_table
from crypto_bot.adapters.store.tables import gaps as gaps_table
from crypto_bot.adapters.store.tables import trading as trading_table
from crypto_bot.adapters.store.trading_series import trading_series
from crypto_bot.domain.candle import Candle, TradedCandle
from crypto_bot.domain.timeframe import Timeframe
from crypto_bot.ports import Gap
from crypto_bot.ports.market_data import Series

_candle: Callable[[tuple[Any, ...]], Candle] = partial(tuple.__new__, Candle)
"""`Candle._make` for rows that are known to have six values: a third less time for a start."""

EVER_MS = 2**62
"""Later than any candle."""

_REPLACE = "(market_id, tf, symbol, open_ms) DO UPDATE SET " + ", ".join(
    f"{name} = excluded.{name}" for name in ("open", "high", "low", "close", "volume")
)


class SqlCandleArchive:
    """The archive of one timeframe of the market of `database.key`.

    A candle that is stored again takes the newer values; how it was traded stays as first stored.
    """

    def __init__(self, database: Database, timeframe: Timeframe) -> None:
        self._database = database
        self._tf = timeframe.name
        self._candles, self._gaps, self._revisions, self._trading = (
            of_market(table, database, timeframe)
            for table in (candles_table, gaps_table, candle_revisions, trading_table)
        )
        self.series: Mapping[str, Series] = trading_series(database, timeframe)

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
            traded = (
                (symbol, candle.open_ms, *candle.trading)
                for symbol, series in candles.items()
                for candle in series
                if isinstance(candle, TradedCandle)
            )
            self._database.insert(
                *(connection, trading_table, traded), first=series_of, rows_per_statement=32
            )
            self._database.insert(connection, gaps_table, gaps, first=series_of)

    def read(
        self, symbol: str, since_ms: int, until_ms: int, *, revised: bool = False
    ) -> list[Candle]:
        with self._database.reading() as connection:
            found = self._read(connection, symbol, since_ms, until_ms)
            first = {} if revised else self._first(connection, symbol, since_ms, until_ms)
        return [first.get(each.open_ms, each) for each in found] if first else found

    def of_coins(
        self, symbols: Sequence[str], since_ms: int, until_ms: int
    ) -> dict[str, list[Candle]]:
        """Candles of several coins, as `read` has them revised; a coin without any is left out."""
        column = candles_table.c
        query = (
            select(column.symbol, *CANDLE)
            .where(*self._candles, column.symbol.in_(symbols))
            .where(column.open_ms.between(since_ms, until_ms))
            .order_by(column.symbol, column.open_ms)
        )
        found: dict[str, list[Candle]] = {}
        with self._database.reading() as connection:
            for symbol, *values in connection.execute(query):
                found.setdefault(symbol, []).append(Candle._make(values))
        return found

    def revise(self, symbol: str, candles: Sequence[Candle], seen_ms: int) -> int:
        if not candles:
            return 0
        span = min(candles).open_ms, max(candles).open_ms
        before = {each.open_ms: each for each in self.read(symbol, *span, revised=True)}
        changed = [each for each in candles if before.get(each.open_ms, each) != each]
        if changed:
            key = self._database.market_id, self._tf, symbol
            was = ((*key, c.open_ms, seen_ms, *before[c.open_ms][1:]) for c in changed)
            with self._database.writing() as connection:
                self._database.insert(connection, candle_revisions, was)
                rows = ((*key, *each) for each in changed)
                self._database.insert(connection, candles_table, rows, on_conflict=_REPLACE)
        return len(changed)

    def _read(
        self, connection: Connection, symbol: str, since_ms: int, until_ms: int
    ) -> list[Candle]:
        column = candles_table.c
        query = (
            select(*CANDLE)
            .where(*self._candles, column.symbol == symbol)
            .where(column.open_ms.between(since_ms, until_ms))
            .order_by(column.open_ms)
        )
        # The driver's own tuples: SQLAlchemy's rows would take as long again.
        rows = cast("Iterable[tuple[Any, ...]]", connection.execute(query).cursor)
        return list(map(_candle, rows))

    def _first(
        self, connection: Connection, symbol: str, since_ms: int, until_ms: int
    ) -> dict[int, Candle]:
        """Revised candles as they were at first, by open time."""
        column = candle_revisions.c
        query = (
            select(*(column[each.name] for each in CANDLE))
            .where(*self._revisions, column.symbol == symbol)
            .where(column.open_ms.between(since_ms, until_ms))
            .order_by(column.revised_ms.desc())
        )
        return {row[0]: Candle._make(row) for row in connection.execute(query)}

    def remove(self, symbol: str, opens: Iterable[int]) -> None:
        gone = list(opens)
        if not gone:
            return
        with self._database.writing() as connection:
            for table, scope in (
                (candles_table, self._candles),
                (candle_revisions, self._revisions),
                (gaps_table, self._gaps),
                (trading_table, self._trading),
            ):
                of_symbol = delete(table).where(*scope, table.c.symbol == symbol)
                for open_ms in gone:
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

    def oldest_opens(self) -> dict[str, int]:
        """The first stored candle of each coin."""
        query = oldest_opens(candles_table, candles_table.c.open_ms, *self._candles)
        with self._database.reading() as connection:
            return {symbol: open_ms for symbol, open_ms in connection.execute(query)}  # noqa: C416 - rows

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
