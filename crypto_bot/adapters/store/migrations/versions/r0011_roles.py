"""Which model was served from when on."""

import sqlalchemy as sa
from alembic import op

from crypto_bot.adapters.store.columns import columns

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    op.create_table(
        "role_changes",
        *columns(sa.Integer, "engine"),
        *columns(sa.Text, "tf", "symbol"),
        *columns(sa.BigInteger, "at_ms"),
        *columns(sa.Text, "champion"),
        *columns(sa.Text, "challenger", nullable=True),
        *columns(sa.Text, "because", "evidence"),
        sa.PrimaryKeyConstraint("engine", "tf", "symbol", "at_ms", name="pk_role_changes"),
        sqlite_with_rowid=False,
    )
