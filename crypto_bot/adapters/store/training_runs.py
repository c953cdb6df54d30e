"""The coins of training runs, in the database: each row changes until its coin has ended."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from sqlalchemy import select, update

from crypto_bot.adapters.store.database import Database
from crypto_bot.adapters.store.tables import training_runs as runs_table
from crypto_bot.domain.timeframe import Timeframe
from crypto_bot.domain.training_record import TrainingRecord

_CHANGING = [column.name for column in runs_table.columns if not column.primary_key]
_REPLACED = f"(run_id, symbol) DO UPDATE SET {', '.join(f'{n} = excluded.{n}' for n in _CHANGING)}"


class SqlTrainingRuns:
    """Answers `ports.TrainingRecords` for the runs of `timeframe`."""

    def __init__(self, database: Database, timeframe: Timeframe) -> None:
        self._database = database
        self._tf = timeframe.name

    def put(self, records: Sequence[TrainingRecord]) -> None:
        with self._database.writing() as connection:
            self._database.insert(connection, runs_table, records, on_conflict=_REPLACED)

    def stop_unfinished(self, reason: str) -> None:
        column = runs_table.c
        with self._database.writing() as connection:
            connection.execute(
                update(runs_table)
                .where(column.tf == self._tf, column.status.in_(("waiting", "training")))
                .values(status="stopped", reason=reason, finished_ms=column.updated_ms)
            )

    def newest_runs(self, limit: int) -> list[list[TrainingRecord]]:
        column = runs_table.c
        newest = (
            select(column.run_id)
            .where(column.tf == self._tf)
            .distinct()
            .order_by(column.run_id.desc())
            .limit(limit)
        )
        query = (
            select(runs_table)
            .where(column.tf == self._tf, column.run_id.in_(newest.scalar_subquery()))
            .order_by(column.run_id.desc(), column.symbol)
        )
        with self._database.reading() as connection:
            records = [TrainingRecord(*row) for row in connection.execute(query)]
        return [list(run) for _, run in groupby(records, lambda each: each.run_id)]
