"""Sums of the live record by day, kept up to date by the commits that settle its calls."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, case, func, select
from sqlalchemy.dialects import postgresql, sqlite

from crypto_bot.adapters.store.tables import SERVED
from crypto_bot.adapters.store.tables import day_records as days_table
from crypto_bot.adapters.store.tables import outcomes as outcomes_table
from crypto_bot.adapters.store.tables import predictions as predictions_table
from crypto_bot.domain.instant import DAY_MS
from crypto_bot.domain.outcome import Outcome
from crypto_bot.domain.signal import Pred

KEY = ("engine", "tf", "day", "source", "symbol")
SUMS = ("n", "hits", "trades", "return_bps", "confidence", "brier")

_AT_ONCE = 2_000
"""Ids in one statement; SQLite takes 32,766."""


def summed(*wanted: ColumnElement[bool]) -> Select[Any]:
    """The columns of `day_records` over the settled calls that are `wanted`.

    Late, unlabelled and unserved ones are left out.
    """
    column, outcome = predictions_table.c, outcomes_table.c
    day = (column.candle_open_ms // DAY_MS).label("day")
    miss = column.confidence - one_if(outcome.label == column.pred)
    return (
        select(
            column.engine,
            column.tf,
            day,
            column.source,
            column.symbol,
            func.count().label("n"),
            func.sum(one_if(outcome.label == column.pred)).label("hits"),
            func.sum(one_if(column.pred != Pred.NO_TRADE.value)).label("trades"),
            func.sum(outcome.return_bps).label("return_bps"),  # 0 for a NO_TRADE
            func.sum(column.confidence).label("confidence"),
            func.sum(miss * miss).label("brier"),
        )
        .select_from(predictions_table.join(outcomes_table))
        .where(*wanted, SERVED, ~column.late, outcome.label.is_not(None))
        .group_by(column.engine, column.tf, day, column.source, column.symbol)
    )


def not_stored(connection: Connection, engine: str, outcomes: Sequence[Outcome]) -> list[Outcome]:
    """Those of `outcomes` whose predictions have none yet; of two for one prediction the first."""
    new = {each.prediction_id: each for each in reversed(outcomes)}
    column = outcomes_table.c
    stored = select(column.prediction_id).where(column.engine == engine)
    for ids in _parts(list(new)):
        for known in connection.scalars(stored.where(column.prediction_id.in_(ids))).all():
            del new[known]
    return list(new.values())[::-1]


def add_to_days(connection: Connection, engine: str, ids: Sequence[str]) -> None:
    """Adds the outcomes of the predictions `ids`, stored in this transaction, to their days."""
    make = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    for part in _parts(ids):
        column = predictions_table.c
        settled = summed(column.engine == engine, column.id.in_(part))
        rows = make(days_table).from_select([*KEY, *SUMS], settled)
        adding = {name: days_table.c[name] + rows.excluded[name] for name in SUMS}
        connection.execute(rows.on_conflict_do_update(index_elements=KEY, set_=adding))


def _parts(ids: Sequence[str]) -> list[Sequence[str]]:
    return [ids[at : at + _AT_ONCE] for at in range(0, len(ids), _AT_ONCE)]


def one_if(condition: ColumnElement[bool]) -> ColumnElement[int]:
    """1 where `condition` holds, else 0."""
    return case((condition, 1), else_=0)
