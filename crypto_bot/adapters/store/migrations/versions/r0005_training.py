"""Training runs, a row for each coin."""

import sqlalchemy as sa
from alembic import op

from crypto_bot.adapters.store.columns import columns

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.create_table(
        "training_runs",
        *columns(sa.Text, "run_id", "symbol", "tf", "status"),
        *columns(sa.Text, "reason", "phase", nullable=True),
        *columns(sa.Integer, "epoch", "epochs", nullable=True),
        *columns(sa.BigInteger, "started_ms", "updated_ms"),
        *columns(sa.BigInteger, "finished_ms", nullable=True),
        *columns(sa.Double, "seconds"),
        *columns(sa.Text, "code_version"),
        *columns(sa.BigInteger, "seed"),
        *columns(sa.Text, "schema_hash"),
        *columns(sa.BigInteger, "first_open_ms", "last_open_ms", "candles"),
        *columns(sa.Text, "hardware", "executor"),
        *columns(sa.Text, "verdict", "model_version", nullable=True),
        *columns(sa.Double, "skill", "direction_auc", "ece", nullable=True),
        sa.PrimaryKeyConstraint("run_id", "symbol", name="pk_training_runs"),
    )
