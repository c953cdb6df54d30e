"""The record of the sources in predictions that have been deleted."""

import sqlalchemy as sa
from alembic import op

from crypto_bot.adapters.store.columns import columns

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    op.create_table(
        "deleted_tallies",
        *columns(sa.Integer, "engine"),
        *columns(sa.Text, "tf", "source", "symbol"),
        *columns(sa.Integer, "n", "hits", "flats"),
        sa.PrimaryKeyConstraint("engine", "tf", "source", "symbol", name="pk_deleted_tallies"),
        sqlite_with_rowid=False,
    )
