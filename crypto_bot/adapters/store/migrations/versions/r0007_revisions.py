"""What candles were before the exchange changed them."""

import sqlalchemy as sa
from alembic import op

from crypto_bot.adapters.store.columns import columns

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    key = ("market_id", "tf", "symbol", "open_ms", "revised_ms")
    op.create_table(
        "candle_revisions",
        *columns(sa.Integer, "market_id"),
        *columns(sa.Text, "tf", "symbol"),
        *columns(sa.BigInteger, "open_ms", "revised_ms"),
        *columns(sa.Double, "open", "high", "low", "close", "volume"),
        sa.PrimaryKeyConstraint(*key, name="pk_candle_revisions"),
        sqlite_with_rowid=False,
    )
