"""How candles were traded: volume of takers, number of trades."""

import sqlalchemy as sa
from alembic import op

from crypto_bot.adapters.store.columns import columns

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    key = ("market_id", "tf", "symbol", "open_ms")
    op.create_table(
        "trading",
        *columns(sa.Integer, "market_id"),
        *columns(sa.Text, "tf", "symbol"),
        *columns(sa.BigInteger, "open_ms"),
        *columns(sa.Double, "volume", "quote_volume"),
        *columns(sa.BigInteger, "trades"),
        *columns(sa.Double, "taker_volume"),
        sa.PrimaryKeyConstraint(*key, name="pk_trading"),
        sqlite_with_rowid=False,
    )
