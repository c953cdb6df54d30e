"""Changes of the served model, and what compares a challenger with its champion."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from math import fsum, log
from typing import Any

from sqlalchemy import ColumnElement, FromClause, and_, select

from crypto_bot.adapters.store.database import Database
from crypto_bot.adapters.store.prediction_rows import distribution_of
from crypto_bot.adapters.store.scope import of_engine
from crypto_bot.adapters.store.tables import given
from crypto_bot.adapters.store.tables import outcomes as outcomes_table
from crypto_bot.adapters.store.tables import predictions as predictions_table
from crypto_bot.adapters.store.tables import role_changes as changes_table
from crypto_bot.domain.instant import DAY_MS
from crypto_bot.domain.role_change import Because, PairedDay, RoleChange
from crypto_bot.domain.signal import Role
from crypto_bot.domain.timeframe import Timeframe
from crypto_bot.ports.roles import Pair

_POOL = ""
_LEAST = 1e-12
"""A probability of 0 costs as much as this one."""


class SqlRoleLog:
    """Answers `ports.RoleLog` for the engine of `database` on `timeframe`."""

    def __init__(self, database: Database, timeframe: Timeframe) -> None:
        self._database = database
        self._timeframe = timeframe

    def add(self, changes: Sequence[RoleChange]) -> None:
        engine, tf = self._database.engine_id, self._timeframe.name
        rows = [
            (engine, tf, symbol or _POOL, at_ms, champion, challenger, str(because), evidence)
            for at_ms, symbol, champion, challenger, because, evidence in changes
        ]
        with self._database.writing() as connection:
            self._database.insert(connection, changes_table, rows)

    def changes(self, symbol: str | None = None) -> list[RoleChange]:
        column = changes_table.c
        query = (
            select(*(column[name] for name in ("at_ms", "symbol", "champion", "challenger")))
            .add_columns(column.because, column.evidence)
            .where(*of_engine(changes_table, self._database, self._timeframe))
            .order_by(column.at_ms.desc(), column.symbol)
        )
        if symbol is not None:
            query = query.where(column.symbol == symbol)
        with self._database.reading() as connection:
            return [
                RoleChange(at_ms, of or None, champion, challenger, Because(because), evidence)
                for at_ms, of, champion, challenger, because, evidence in connection.execute(query)
            ]

    def paired_days(self, pairs: Mapping[str, Pair], before_day: int) -> list[PairedDay]:
        ours, theirs = predictions_table.alias("ours"), predictions_table.alias("theirs")
        settled, also = outcomes_table.alias("settled"), outcomes_table.alias("also")
        same = ("engine", "tf", "symbol", "candle_open_ms", "label_rule")
        query = (
            select(theirs.c.symbol, theirs.c.candle_open_ms, settled.c.label)
            .add_columns(ours.c.model_version, theirs.c.model_version)
            .add_columns(ours.c.distribution, *given(ours), *_chances(theirs))
            .select_from(theirs)
            .join(ours, and_(*(ours.c[name] == theirs.c[name] for name in same)))
            .join(settled, _of(settled, ours))
            .join(also, and_(_of(also, theirs), also.c.label == settled.c.label))
            .where(*of_engine(theirs, self._database, self._timeframe))
            .where(ours.c.role.is_(None), theirs.c.role == Role.CHALLENGER.value)
            .where(theirs.c.candle_open_ms < before_day * DAY_MS)
        )
        found = defaultdict[tuple[int, str], list[float]](list)
        with self._database.reading() as connection:
            for symbol, open_ms, label, champion, challenger, *chances in connection.execute(query):
                if pairs.get(symbol) == (champion, challenger):
                    classes, *sides = chances[:4]
                    others, *of_others = chances[4:]
                    p = max(distribution_of(classes, sides).of(label), _LEAST)
                    other = max(distribution_of(others, of_others).of(label), _LEAST)
                    found[open_ms // DAY_MS, symbol].append(log(other / p))
        return [PairedDay(*key, len(each), fsum(each)) for key, each in sorted(found.items())]


def _chances(table: FromClause) -> list[ColumnElement[Any]]:
    return [table.c[name] for name in ("distribution", "p_short", "p_no_trade", "p_long")]


def _of(outcomes: FromClause, predictions: FromClause) -> ColumnElement[bool]:
    column = outcomes.c
    return and_(
        column.engine == predictions.c.engine,
        column.prediction_id == predictions.c.id,
        column.label.is_not(None),
    )
