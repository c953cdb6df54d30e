"""The paper accounts of one engine and timeframe: rows are added and never change."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal

from sqlalchemy import Table, func, select

from crypto_bot.adapters.store.database import Database
from crypto_bot.adapters.store.paper_rows import event_of, event_row, trade_row
from crypto_bot.adapters.store.paper_tables import paper_equity as equity_table
from crypto_bot.adapters.store.paper_tables import paper_events as events_table
from crypto_bot.adapters.store.paper_tables import paper_refusals as refusals_table
from crypto_bot.adapters.store.paper_tables import paper_seen as seen_table
from crypto_bot.adapters.store.paper_tables import paper_switches as switches_table
from crypto_bot.adapters.store.paper_tables import paper_trades as trades_table
from crypto_bot.adapters.store.scope import Scope, of_engine
from crypto_bot.domain.ledger import Event
from crypto_bot.domain.paper_report import EquityPoint, KillSwitch, Refusal
from crypto_bot.domain.timeframe import Timeframe
from crypto_bot.ports import PaperWrites

_SEEN = "(engine, account, tf, symbol) DO UPDATE SET open_ms = excluded.open_ms"


class SqlPaperStore:
    """Answers `ports.PaperStore` for the accounts of the engine of `database.key`.

    The kill switch stops every account of every engine of the database.
    """

    def __init__(self, database: Database, timeframe: Timeframe) -> None:
        self._database = database
        self._timeframe = timeframe
        self._tf = timeframe.name

    def write(self, writes: Sequence[PaperWrites]) -> None:
        engine, tf, insert = self._database.engine_id, self._tf, self._database.insert
        with self._database.writing() as connection:
            for each in writes:
                name = each.account
                events = (event_row(event, engine, tf) for event in each.events)
                # Two events of one number are a fault, not a repetition: the database refuses them.
                insert(connection, events_table, events, on_conflict="(engine, id) DO NOTHING")
                trades = (trade_row(name, trade, engine, tf) for trade in each.trades)
                insert(connection, trades_table, trades)
                refusals = ((engine, r.account, r.prediction_id, tf, *r[2:]) for r in each.refusals)
                insert(connection, refusals_table, refusals)
                points = (
                    (engine, name, tf, at_ms, str(cash), str(equity), str(held))
                    for (at_ms, equity, held), cash in each.points
                )
                insert(connection, equity_table, points)
                seen = ((engine, name, tf, *item) for item in each.seen.items())
                insert(connection, seen_table, seen, on_conflict=_SEEN)

    def events(self, account: str) -> Iterator[Event]:
        column = events_table.c
        query = select(events_table).where(*self._of(events_table, account)).order_by(column.seq)
        with self._database.reading() as connection:
            for row in connection.execute(query):
                yield event_of(row)

    def points(self, account: str) -> list[EquityPoint]:
        column = equity_table.c
        query = (
            select(column.at_ms, column.equity, column.buy_and_hold)
            .where(*self._of(equity_table, account))
            .order_by(column.at_ms)
        )
        with self._database.reading() as connection:
            return [
                EquityPoint(at_ms, Decimal(equity), Decimal(held))
                for at_ms, equity, held in connection.execute(query)
            ]

    def refusals(self, account: str, limit: int) -> list[Refusal]:
        column = refusals_table.c
        query = (
            select(column.account, column.prediction_id, column.at_ms, column.rule, column.reason)
            .where(*self._of(refusals_table, account))
            .order_by(column.at_ms.desc(), column.prediction_id)
            .limit(limit)
        )
        with self._database.reading() as connection:
            return [Refusal._make(row) for row in connection.execute(query)]

    def refused(self, account: str) -> dict[str, int]:
        column = refusals_table.c
        query = (
            select(column.rule, func.count())
            .where(*self._of(refusals_table, account))
            .group_by(column.rule)
        )
        with self._database.reading() as connection:
            return dict(connection.execute(query).all())

    def seen(self, account: str) -> dict[str, int]:
        column = seen_table.c
        query = select(column.symbol, column.open_ms).where(*self._of(seen_table, account))
        with self._database.reading() as connection:
            return dict(connection.execute(query).all())

    def kill_switch(self) -> KillSwitch:
        column = switches_table.c
        query = select(switches_table).order_by(column.number.desc()).limit(1)
        with self._database.reading() as connection:
            row = connection.execute(query).first()
        if row is None:
            return KillSwitch(on=False)
        return KillSwitch(row.stopped, row.at_ms, row.by, row.reason)

    def resumed_ms(self) -> int | None:
        column = switches_table.c
        query = select(func.max(column.at_ms)).where(~column.stopped)
        with self._database.reading() as connection:
            at_ms: int | None = connection.execute(query).scalar()
        return at_ms

    def switch(self, to: KillSwitch, at_ms: int) -> None:
        values = {"at_ms": at_ms, "stopped": to.on, "by": to.by or "", "reason": to.reason}
        with self._database.writing() as connection:
            connection.execute(switches_table.insert().values(values))

    def _of(self, table: Table, account: str) -> Scope:
        return *of_engine(table, self._database, self._timeframe), table.c.account == account
