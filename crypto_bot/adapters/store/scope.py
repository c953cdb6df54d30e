"""Which rows of the shared tables belong to a store: those of its engine, market and timeframe."""

from __future__ import annotations

from sqlalchemy import ColumnElement, Table

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
