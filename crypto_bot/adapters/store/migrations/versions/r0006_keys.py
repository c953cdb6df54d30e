"""Keys that several engines, markets and models can share: engine, market, model, role.

Each table is made anew beside its old rows, which are copied in one statement: SQLite cannot change
a primary key. The rows become those of the engine that is started with, and its market.
"""

from typing import Any, NamedTuple

import sqlalchemy as sa
from alembic import context, op

from crypto_bot.adapters.store.columns import columns

revision = "0006"
down_revision = "0005"

_DEFAULT = ("binance-spot", "binance", "spot")
_FIRST_ID = sa.literal(1)
_OLD = "old_"
_BAR_MS = {
    "1m": 60_000,
    "5m": 300_000,
    "15m": 900_000,
    "1h": 3_600_000,
    "4h": 14_400_000,
    "1d": 86_400_000,
}
# The outcomes refer to the predictions, and are taken away first and made after them.
_KEYS = {
    "outcomes": ["engine", "prediction_id"],
    "predictions": ["engine", "id"],
    "candles": ["market_id", "tf", "symbol", "open_ms"],
    "gaps": ["market_id", "tf", "symbol", "open_ms"],
    "day_records": ["engine", "tf", "day", "source", "symbol"],
    "engine": ["engine", "tf"],
    "paper_events": ["engine", "id"],
    "paper_trades": ["engine", "account", "prediction_id"],
    "paper_equity": ["engine", "account", "tf", "at_ms"],
    "paper_refusals": ["engine", "account", "prediction_id"],
    "paper_seen": ["engine", "account", "tf", "symbol"],
}
_WITHOUT_ROWID = {"candles", "gaps", "outcomes", "day_records", "paper_equity", "paper_seen"}
_INDEXES = {
    "paper_events": ["engine", "account", "tf", "seq"],
    "paper_trades": ["engine", "account", "tf", "exit_ms"],
    "paper_refusals": ["engine", "account", "tf", "at_ms"],
}


class _Added(NamedTuple):
    """A new column, and what it is for the old rows."""

    name: str
    type: sa.types.TypeEngine[Any]
    value: sa.ColumnElement[Any]
    is_nullable: bool = False


def upgrade() -> None:
    _create_names(*context.config.attributes.get("key", _DEFAULT))
    named = [_Added("engine", sa.Integer(), _FIRST_ID)]
    reads = [_Added("market_id", sa.Integer(), _FIRST_ID)]
    added = dict.fromkeys(_KEYS, named) | {
        "candles": reads,
        "gaps": reads,
        "engine": [*named, *reads],
    }
    old = {name: _put_aside(name) for name in _KEYS}
    _copy("predictions", old["predictions"], [*named, *_of_prediction(old["predictions"])])
    _create_prediction_indexes()
    _copy_outcomes(old["outcomes"], old["predictions"], named)
    for name in list(_KEYS)[2:]:
        _copy(name, old[name], added[name])
    for table in old.values():
        op.drop_table(table.name)
    for name, indexed in _INDEXES.items():
        index = f"ix_{name}_{'_'.join(indexed)}"
        op.create_index(index, name, indexed, unique=name == "paper_events")
    _create_commits()


def _create_names(engine: str, exchange: str, market: str) -> None:
    """The tables of engines and markets, each with the one that the old rows are of."""
    for table, values in (
        ("engines", {"name": engine}),
        ("markets", {"exchange": exchange, "market": market}),
    ):
        made = op.create_table(
            table,
            sa.Column("id", sa.Integer, nullable=False),
            *columns(sa.Text, *values),
            sa.PrimaryKeyConstraint("id", name=f"pk_{table}"),
            sa.UniqueConstraint(*values, name=f"uq_{table}"),
        )
        op.execute(made.insert().values(values))


def _put_aside(name: str) -> sa.Table:
    """Renames a table, and frees the names of its indexes and constraints."""
    connection = op.get_bind()
    inspector = sa.inspect(connection)
    for index in inspector.get_indexes(name):
        op.drop_index(str(index["name"]), name)
    if connection.dialect.name == "postgresql":
        for key in inspector.get_foreign_keys(name):
            op.drop_constraint(str(key["name"]), name)
        op.drop_constraint(str(inspector.get_pk_constraint(name)["name"]), name)
    op.rename_table(name, f"{_OLD}{name}")
    return sa.Table(f"{_OLD}{name}", sa.MetaData(), autoload_with=connection, resolve_fks=False)


def _copy(
    name: str,
    old: sa.Table,
    added: list[_Added],
    rows: sa.FromClause | None = None,
    *constraints: sa.Constraint,
) -> None:
    """Makes the table `name` of the columns `added` and those of `old`, and fills it."""
    table = sa.Table(
        name,
        sa.MetaData(),
        *(sa.Column(each.name, each.type, nullable=each.is_nullable) for each in added),
        *(
            sa.Column(column.name, column.type, nullable=column.nullable or column.name in _SIDES)
            for column in old.columns
        ),
        sa.PrimaryKeyConstraint(*_KEYS[name], name=f"pk_{name}"),
        *constraints,
        sqlite_with_rowid=name not in _WITHOUT_ROWID,
    )
    connection = op.get_bind()
    connection.execute(sa.schema.CreateTable(table))
    query = sa.select(*(each.value.label(each.name) for each in added), *old.columns)
    names = [each.name for each in added] + [column.name for column in old.columns]
    query = query.select_from(old if rows is None else rows)
    connection.execute(table.insert().from_select(names, query))


_SIDES = ("p_short", "p_no_trade", "p_long")


def _of_prediction(old: sa.Table) -> list[_Added]:
    """Commits are numbered by the time at which their signals were made."""
    number = sa.func.dense_rank().over(order_by=old.c.created_ms)
    return [
        _Added("role", sa.Text(), sa.null(), is_nullable=True),
        _Added("commit_number", sa.BigInteger(), number),
        _Added("distribution", sa.Text(), sa.null(), is_nullable=True),
    ]


def _create_prediction_indexes() -> None:
    for indexed in (["symbol", "candle_open_ms"], ["candle_open_ms", "symbol", "source"]):
        op.create_index(
            f"ix_predictions_served_{'_'.join(indexed)}",
            "predictions",
            ["engine", "tf", *indexed],
            sqlite_where=sa.text("role IS NULL"),
            postgresql_where=sa.text("role IS NULL"),
        )
    op.create_index(
        "ix_predictions_not_served_candle_open_ms_symbol",
        "predictions",
        ["engine", "tf", "candle_open_ms", "symbol"],
        sqlite_where=sa.text("role IS NOT NULL"),
        postgresql_where=sa.text("role IS NOT NULL"),
    )


def _copy_outcomes(old: sa.Table, predictions: sa.Table, named: list[_Added]) -> None:
    """An outcome was committed with its coin's signal for the candle that settled it."""
    names = ("tf", "symbol", "candle_open_ms", "commit_number")
    settling = sa.table("predictions", *map(sa.column, names)).alias("settling")
    settled = predictions.alias("settled")
    bar_ms = sa.case(_BAR_MS, value=settled.c.tf)
    is_settling = sa.and_(
        settling.c.tf == settled.c.tf,
        settling.c.symbol == settled.c.symbol,
        settling.c.candle_open_ms == old.c.settled_ms - bar_ms,
    )
    rows = old.join(settled, settled.c.id == old.c.prediction_id).outerjoin(settling, is_settling)
    newest = sa.select(sa.func.max(sa.table("predictions", sa.column("commit_number")).c[0]))
    number = sa.func.coalesce(settling.c.commit_number, newest.scalar_subquery())
    keys = sa.Table("predictions", sa.MetaData(), *(sa.Column(name) for name in ("engine", "id")))
    made_by = sa.ForeignKeyConstraint(
        ["engine", "prediction_id"], list(keys.columns), name="fk_outcomes_engine"
    )
    # All labels had the names of the sides.
    side = _Added("side", sa.Text(), sa.null(), is_nullable=True)
    added = [*named, _Added("commit_number", sa.BigInteger(), number), side]
    _copy("outcomes", old, added, rows, made_by)


_FILL = """
INSERT INTO commits (engine, tf, number, oldest_open_ms, made_ms)
SELECT 1, tf, number, min(candle_open_ms), max(created_ms)
FROM (
    SELECT tf, commit_number AS number, candle_open_ms, created_ms FROM predictions
    UNION ALL
    SELECT p.tf, o.commit_number, p.candle_open_ms, NULL
    FROM outcomes AS o JOIN predictions AS p ON p.engine = o.engine AND p.id = o.prediction_id
) AS committed
GROUP BY tf, number
"""


def _create_commits() -> None:
    op.create_table(
        "commit_numbers",
        *columns(sa.Integer, "id"),
        *columns(sa.BigInteger, "newest"),
        sa.PrimaryKeyConstraint("id", name="pk_commit_numbers"),
    )
    op.execute(
        "INSERT INTO commit_numbers (id, newest) "
        "SELECT 1, max(commit_number) FROM predictions HAVING count(*) > 0"
    )
    op.create_table(
        "commits",
        *columns(sa.Integer, "engine"),
        *columns(sa.Text, "tf"),
        *columns(sa.BigInteger, "number", "oldest_open_ms"),
        *columns(sa.BigInteger, "made_ms", nullable=True),
        sa.PrimaryKeyConstraint("engine", "tf", "number", name="pk_commits"),
        sqlite_with_rowid=False,
    )
    op.execute(_FILL)
