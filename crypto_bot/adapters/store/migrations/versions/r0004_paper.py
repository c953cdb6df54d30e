"""Paper accounts: their ledger, trades, equity and refusals, and the kill switch."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _create_ledger()
    _create_trades()
    _create_equity()
    _create_refusals()
    _create_switches()


def _text(*names: str) -> list[sa.Column[str]]:
    return [sa.Column(name, sa.Text, nullable=False) for name in names]


def _create_ledger() -> None:
    op.create_table(
        "paper_events",
        *_text("id", "account", "tf"),
        sa.Column("seq", sa.Integer, nullable=False),
        sa.Column("at_ms", sa.BigInteger, nullable=False),
        *_text("kind", "cash"),
        *(sa.Column(name, sa.Text) for name in ("symbol", "prediction_id", "side", "reason")),
        *_text("price", "amount", "fee"),
        sa.Column("terms", sa.Text),
        sa.PrimaryKeyConstraint("id", name="pk_paper_events"),
    )
    columns = ["account", "tf", "seq"]
    op.create_index("ix_paper_events_account_tf_seq", "paper_events", columns, unique=True)
    op.create_table(
        "paper_seen",
        *_text("account", "tf", "symbol"),
        sa.Column("open_ms", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("account", "tf", "symbol", name="pk_paper_seen"),
        sqlite_with_rowid=False,
    )


def _create_trades() -> None:
    op.create_table(
        "paper_trades",
        *_text("account", "prediction_id", "tf", "symbol", "side", "source", "amount", "entry"),
        sa.Column("entry_ms", sa.BigInteger, nullable=False),
        *_text("exit"),
        sa.Column("exit_ms", sa.BigInteger, nullable=False),
        *_text("reason", "gross", "fees", "funding", "net"),
        sa.Column("r", sa.Double, nullable=False),
        sa.PrimaryKeyConstraint("account", "prediction_id", name="pk_paper_trades"),
    )
    columns = ["account", "tf", "exit_ms"]
    op.create_index("ix_paper_trades_account_tf_exit_ms", "paper_trades", columns)


def _create_equity() -> None:
    op.create_table(
        "paper_equity",
        *_text("account", "tf"),
        sa.Column("at_ms", sa.BigInteger, nullable=False),
        *_text("cash", "equity", "buy_and_hold"),
        sa.PrimaryKeyConstraint("account", "tf", "at_ms", name="pk_paper_equity"),
        sqlite_with_rowid=False,
    )


def _create_refusals() -> None:
    op.create_table(
        "paper_refusals",
        *_text("account", "prediction_id", "tf"),
        sa.Column("at_ms", sa.BigInteger, nullable=False),
        *_text("rule", "reason"),
        sa.PrimaryKeyConstraint("account", "prediction_id", name="pk_paper_refusals"),
    )
    columns = ["account", "tf", "at_ms"]
    op.create_index("ix_paper_refusals_account_tf_at_ms", "paper_refusals", columns)


def _create_switches() -> None:
    op.create_table(
        "paper_switches",
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("at_ms", sa.BigInteger, nullable=False),
        sa.Column("stopped", sa.Boolean, nullable=False),
        *_text("by"),
        sa.Column("reason", sa.Text),
        sa.PrimaryKeyConstraint("number", name="pk_paper_switches"),
    )
