"""Paper accounts: their ledger, trades, equity and refusals, and the kill switch."""

import sqlalchemy as sa
from alembic import op

from crypto_bot.adapters.store.columns import columns

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    _create_ledger()
    _create_trades()
    _create_reports()


def _create_ledger() -> None:
    op.create_table(
        "paper_events",
        *columns(sa.Text, "id", "account", "tf"),
        *columns(sa.Integer, "seq"),
        *columns(sa.BigInteger, "at_ms"),
        *columns(sa.Text, "kind", "cash"),
        *columns(sa.Text, "symbol", "prediction_id", "side", "reason", nullable=True),
        *columns(sa.Text, "price", "amount", "fee"),
        *columns(sa.Text, "terms", nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_paper_events"),
    )
    indexed = ["account", "tf", "seq"]
    op.create_index("ix_paper_events_account_tf_seq", "paper_events", indexed, unique=True)
    op.create_table(
        "paper_seen",
        *columns(sa.Text, "account", "tf", "symbol"),
        *columns(sa.BigInteger, "open_ms"),
        sa.PrimaryKeyConstraint("account", "tf", "symbol", name="pk_paper_seen"),
        sqlite_with_rowid=False,
    )


def _create_trades() -> None:
    op.create_table(
        "paper_trades",
        *columns(
            sa.Text, "account", "prediction_id", "tf", "symbol", "side", "source", "amount", "entry"
        ),
        *columns(sa.BigInteger, "entry_ms"),
        *columns(sa.Text, "exit"),
        *columns(sa.BigInteger, "exit_ms"),
        *columns(sa.Text, "reason", "gross", "fees", "funding", "net"),
        *columns(sa.Double, "r"),
        sa.PrimaryKeyConstraint("account", "prediction_id", name="pk_paper_trades"),
    )
    indexed = ["account", "tf", "exit_ms"]
    op.create_index("ix_paper_trades_account_tf_exit_ms", "paper_trades", indexed)


def _create_reports() -> None:
    op.create_table(
        "paper_equity",
        *columns(sa.Text, "account", "tf"),
        *columns(sa.BigInteger, "at_ms"),
        *columns(sa.Text, "cash", "equity", "buy_and_hold"),
        sa.PrimaryKeyConstraint("account", "tf", "at_ms", name="pk_paper_equity"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "paper_refusals",
        *columns(sa.Text, "account", "prediction_id", "tf"),
        *columns(sa.BigInteger, "at_ms"),
        *columns(sa.Text, "rule", "reason"),
        sa.PrimaryKeyConstraint("account", "prediction_id", name="pk_paper_refusals"),
    )
    indexed = ["account", "tf", "at_ms"]
    op.create_index("ix_paper_refusals_account_tf_at_ms", "paper_refusals", indexed)
    op.create_table(
        "paper_switches",
        *columns(sa.Integer, "number"),
        *columns(sa.BigInteger, "at_ms"),
        *columns(sa.Boolean, "stopped"),
        *columns(sa.Text, "by"),
        *columns(sa.Text, "reason", nullable=True),
        sa.PrimaryKeyConstraint("number", name="pk_paper_switches"),
    )
