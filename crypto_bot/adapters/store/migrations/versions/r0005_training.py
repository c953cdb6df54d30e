"""Training runs, a row for each coin."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "training_runs",
        *_columns(sa.Text(), "run_id", "symbol", "tf", "status"),
        *_columns(sa.Text(), "reason", "phase", nullable=True),
        *_columns(sa.Integer(), "epoch", "epochs", nullable=True),
        *_columns(sa.BigInteger(), "started_ms", "updated_ms"),
        *_columns(sa.BigInteger(), "finished_ms", nullable=True),
        *_columns(sa.Double(), "seconds"),
        *_columns(sa.Text(), "code_version"),
        *_columns(sa.BigInteger(), "seed"),
        *_columns(sa.Text(), "schema_hash"),
        *_columns(sa.BigInteger(), "first_open_ms", "last_open_ms", "candles"),
        *_columns(sa.Text(), "hardware", "executor"),
        *_columns(sa.Text(), "verdict", "model_version", nullable=True),
        *_columns(sa.Double(), "skill", "direction_auc", "ece", nullable=True),
        sa.PrimaryKeyConstraint("run_id", "symbol", name="pk_training_runs"),
    )


def _columns(
    kind: sa.types.TypeEngine[Any], *names: str, nullable: bool = False
) -> list[sa.Column[Any]]:
    return [sa.Column(name, kind, nullable=nullable) for name in names]
