"""Sums of the live record by day, kept up to date by the commits that settle its calls."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cache
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    Executable,
    FromClause,
    Select,
    Text,
    and_,
    bindparam,
    case,
    cast,
    func,
    select,
)
from sqlalchemy.dialects import postgresql, sqlite

from crypto_bot.adapters.store.tables import HAS_SIDE, IS_CALL
from crypto_bot.adapters.store.tables import day_records as days_table
from crypto_bot.adapters.store.tables import outcomes as outcomes_table
from crypto_bot.adapters.store.tables import predictions as predictions_table
from crypto_bot.domain.instant import DAY_MS
from crypto_bot.domain.outcome import Outcome
from crypto_bot.domain.signal import Pred, is_served

KEY = ("engine", "tf", "day", "source", "symbol")
SUMS = (
    *("n", "hits", "trades", "return_bps", "confidence", "brier"),
    *("no_calls", "episodes", "won", "won_bps", "net_bps"),
)
_before = predictions_table.alias("before")
BEGINS = and_(predictions_table.c.pred != Pred.NO_TRADE.value, _before.c.id.is_(None))
"""Whether a prediction of `settled` begins an episode (`statistics.episodes`)."""


def settled(bar_ms: int | ColumnElement[int]) -> FromClause:
    """Predictions with their outcomes and, as `before`, the same call at the candle before."""
    column, before = predictions_table.c, _before.c
    before_ms = cast(column.candle_open_ms - bar_ms, Text)
    repeated = and_(
        column.pred != Pred.NO_TRADE.value,
        before.engine == column.engine,
        before.id == column.symbol + ":" + column.tf + ":" + before_ms,  # as `Signal.id`
        before.pred == column.pred,
        before.source == column.source,
    )
    return predictions_table.join(outcomes_table).outerjoin(_before, repeated)


def summed(bar_ms: int | ColumnElement[int], *wanted: ColumnElement[bool]) -> Select[Any]:
    """The columns of `day_records` over the settled calls that are `wanted`.

    Late ones are left out, and those without a side; other roles are the caller's to leave out.
    """
    column, outcome = predictions_table.c, outcomes_table.c
    day = (column.candle_open_ms // DAY_MS).label("day")
    miss = column.confidence - one_if(outcome.correct)
    net = outcome.return_bps - func.coalesce(column.cost_bps, 0.0)
    won = and_(BEGINS, net > 0.0)
    return (
        select(
            column.engine,
            column.tf,
            day,
            column.source,
            column.symbol,
            func.sum(one_if(IS_CALL)).label("n"),
            func.sum(one_if(outcome.correct)).label("hits"),
            func.sum(one_if(column.pred != Pred.NO_TRADE.value)).label("trades"),
            func.sum(outcome.return_bps).label("return_bps"),  # 0 for a NO_TRADE
            func.sum(_if(IS_CALL, column.confidence)).label("confidence"),
            func.sum(_if(IS_CALL, miss * miss)).label("brier"),
            func.sum(one_if(~IS_CALL)).label("no_calls"),
            func.sum(one_if(BEGINS)).label("episodes"),
            func.sum(one_if(won)).label("won"),
            func.sum(_if(won, net)).label("won_bps"),
            func.sum(_if(BEGINS, net)).label("net_bps"),
        )
        .select_from(settled(bar_ms))
        .where(*wanted, ~column.late, HAS_SIDE)
        .group_by(column.engine, column.tf, day, column.source, column.symbol)
    )


def not_stored(connection: Connection, engine: int, outcomes: Sequence[Outcome]) -> list[Outcome]:
    """Those of `outcomes` whose predictions have none yet; of two for one prediction the first."""
    new = {each.prediction_id: each for each in reversed(outcomes)}
    values = {"of_engine": engine, "ids": json.dumps(list(new))}
    for known in connection.scalars(_stored(connection.dialect.name), values).all():
        del new[known]
    return list(new.values())[::-1]


def add_to_days(connection: Connection, engine: int, ids: Sequence[str], bar_ms: int) -> None:
    """Adds the outcomes of the predictions `ids`, stored in this transaction, to their days.

    Those of other roles than the champion are left out here: with a condition on the role SQLite
    would look for the ids in an index of the served record, which does not hold them.
    """
    served = [each for each in ids if is_served(each)]
    if served:
        values = {"of_engine": engine, "ids": json.dumps(served), "bar_ms": bar_ms}
        connection.execute(_adding(connection.dialect.name), values)


# Putting a statement together takes longer than running it, and so does a parameter for each id.
@cache
def _stored(dialect: str) -> Select[Any]:
    column = outcomes_table.c
    return select(column.prediction_id).where(
        column.engine == bindparam("of_engine"), column.prediction_id.in_(_ids(dialect))
    )


@cache
def _adding(dialect: str) -> Executable:
    make = postgresql.insert if dialect == "postgresql" else sqlite.insert
    column = predictions_table.c
    wanted = column.engine == bindparam("of_engine"), column.id.in_(_ids(dialect))
    sums = summed(bindparam("bar_ms", type_=BigInteger), *wanted)
    rows = make(days_table).from_select([*KEY, *SUMS], sums)
    adding = {name: days_table.c[name] + rows.excluded[name] for name in SUMS}
    return rows.on_conflict_do_update(index_elements=KEY, set_=adding)


def _ids(dialect: str) -> Select[Any]:
    """The texts of a parameter `ids`, a JSON list."""
    ids = bindparam("ids", type_=Text)
    if dialect == "postgresql":
        values = func.json_array_elements_text(cast(ids, postgresql.JSON)).table_valued("value")
    else:
        values = func.json_each(ids).table_valued("value")
    return select(values.c.value)


def one_if(condition: ColumnElement[bool]) -> ColumnElement[int]:
    """1 where `condition` holds, else 0."""
    return case((condition, 1), else_=0)


def _if(condition: ColumnElement[bool], value: ColumnElement[float]) -> ColumnElement[float]:
    return case((condition, value), else_=0.0)
