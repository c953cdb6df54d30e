"""Tick and lot sizes of the coins of a market, as its exchange gave them last."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from sqlalchemy import select

from crypto_bot.adapters.store.database import Database
from crypto_bot.adapters.store.paper_tables import instruments as table
from crypto_bot.domain.quote import Instrument

_REPLACE = "(market_id, symbol) DO UPDATE SET " + ", ".join(
    f"{name} = excluded.{name}" for name in Instrument._fields[1:]
)


class SqlInstruments:
    """Those of the market of `database.key`: a backtest trades with the precision of live paper."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def put(self, found: Iterable[Instrument]) -> None:
        """Stores them in place of earlier ones. Raises StoreError."""
        market = self._database.market_id
        rows = ((market, symbol, *map(str, sizes)) for symbol, *sizes in found)
        with self._database.writing() as connection:
            self._database.insert(connection, table, rows, on_conflict=_REPLACE)

    def all(self) -> dict[str, Instrument]:
        """By symbol; empty where none were stored yet. Raises StoreError."""
        query = select(table).where(table.c.market_id == self._database.market_id)
        with self._database.reading() as connection:
            return {
                symbol: Instrument(symbol, *map(Decimal, sizes))
                for _, symbol, *sizes in connection.execute(query)
            }
