"""How stored candles were traded, as data series that are known at each close."""

from __future__ import annotations

from sqlalchemy import ColumnElement, select

from crypto_bot.adapters.store.database import Database
from crypto_bot.adapters.store.scope import of_market
from crypto_bot.adapters.store.tables import trading
from crypto_bot.domain.timeframe import Timeframe
from crypto_bot.ports.market_data import Observation, Series


def trading_series(database: Database, timeframe: Timeframe) -> dict[str, Series]:
    """By name: the share of the volume that takers bought, and the mean worth of a trade.

    Nothing of a candle in which nothing was traded.
    """
    made = (
        _StoredSeries("taker_share", database, timeframe, trading.c.taker_volume, trading.c.volume),
        _StoredSeries("trade_size", database, timeframe, trading.c.quote_volume, trading.c.trades),
    )
    return {each.name: each for each in made}


class _StoredSeries:
    """The series `name`: one column of `trading` over another, of one market and timeframe."""

    def __init__(
        self,
        name: str,
        database: Database,
        timeframe: Timeframe,
        *ratio: ColumnElement[float] | ColumnElement[int],
    ) -> None:
        self.name = name
        self._database = database
        self._step_ms = timeframe.ms
        self._scope = of_market(trading, database, timeframe)
        self._ratio = ratio

    def read(self, symbol: str, since_ms: int, until_ms: int) -> list[Observation]:
        """See the port. Raises StoreError."""
        column, step_ms = trading.c, self._step_ms
        query = (
            select(column.open_ms, *self._ratio)
            .where(*self._scope, column.symbol == symbol)
            .where(column.open_ms.between(since_ms - step_ms, until_ms - step_ms))
            .where(self._ratio[1] > 0)
            .order_by(column.open_ms)
        )
        with self._database.reading() as connection:
            rows = connection.execute(query)
            return [Observation(at + step_ms, value / of) for at, value, of in rows]
