"""Tick, lot and smallest order of each coin, as its exchange gave them last."""

import sqlalchemy as sa
from alembic import op

from crypto_bot.adapters.store.columns import columns

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    op.create_table(
        "instruments",
        *columns(sa.Integer, "market_id"),
        *columns(sa.Text, "symbol", "tick", "lot", "min_amount", "min_notional"),
        sa.PrimaryKeyConstraint("market_id", "symbol", name="pk_instruments"),
        sqlite_with_rowid=False,
    )
