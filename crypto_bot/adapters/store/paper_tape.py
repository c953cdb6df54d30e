"""Signals and candles as the engine has committed them, for paper trading."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import func, select

from crypto_bot.adapters.store.candle_archive import SqlCandleArchive
from crypto_bot.adapters.store.database import Database
from crypto_bot.adapters.store.prediction_rows import stored_signal
from crypto_bot.adapters.store.scope import newest_opens, of_market, served
from crypto_bot.adapters.store.tables import candles as candles_table
from crypto_bot.adapters.store.tables import gaps as gaps_table
from crypto_bot.adapters.store.tables import predictions as predictions_table
from crypto_bot.domain.candle import Candle
from crypto_bot.domain.signal import Pred
from crypto_bot.domain.timeframe import Timeframe
from crypto_bot.ports import StoredSignal


class SqlPaperTape:
    """Answers `ports.PaperTape` for the engine of `database.key` on `timeframe`."""

    def __init__(self, database: Database, timeframe: Timeframe) -> None:
        self._database = database
        self._timeframe = timeframe
        self._served = served(database, timeframe)
        self._archive = SqlCandleArchive(database, timeframe)
        self._candles, self._gaps = (
            of_market(table, database, timeframe) for table in (candles_table, gaps_table)
        )

    def first_ms(self) -> int | None:
        column = predictions_table.c
        query = select(func.min(column.candle_open_ms)).where(*self._served)
        with self._database.reading() as connection:
            first_ms: int | None = connection.execute(query).scalar()
        return first_ms

    def ready_ms(self, symbols: Sequence[str], patience_bars: int) -> int | None:
        rows = (
            (predictions_table, predictions_table.c.candle_open_ms, self._served),
            (candles_table, candles_table.c.open_ms, self._candles),
            (gaps_table, gaps_table.c.open_ms, self._gaps),
        )
        with self._database.reading() as connection:
            signalled, candles, gaps = (
                dict(connection.execute(newest_opens(table, open_ms, *scope)).all())
                for table, open_ms, scope in rows
            )
        # Where every candle has its signal, a gap after it is not waited for.
        done = {
            symbol: max(at_ms, gaps.get(symbol, at_ms))
            if candles.get(symbol, at_ms) <= at_ms
            else at_ms
            for symbol, at_ms in signalled.items()
            if symbol in symbols
        }
        newest_ms = max(done.values(), default=None)
        if newest_ms is None:
            return None
        oldest_ms = newest_ms - patience_bars * self._timeframe.ms
        if len(done) < len(set(symbols)):
            # A coin without any signal is waited for until the others are beyond the patience.
            first_ms = self.first_ms()
            if first_ms is None or first_ms >= oldest_ms:
                return None
        return min(at_ms for at_ms in done.values() if at_ms >= oldest_ms)

    def trades(self, since_ms: int, until_ms: int) -> list[StoredSignal]:
        column = predictions_table.c
        query = (
            select(predictions_table)
            .where(*self._served, column.candle_open_ms.between(since_ms, until_ms))
            .where(column.pred != Pred.NO_TRADE.value)
            .order_by(column.candle_open_ms, column.symbol)
        )
        with self._database.reading() as connection:
            return [
                stored_signal(row, self._database.key.name) for row in connection.execute(query)
            ]

    def candles(
        self, symbols: Sequence[str], since_ms: int, until_ms: int
    ) -> dict[str, list[Candle]]:
        return self._archive.of_coins(symbols, since_ms, until_ms)
