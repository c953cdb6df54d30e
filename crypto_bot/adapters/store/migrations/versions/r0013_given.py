"""What a model gave, where the probabilities that are served are recalibrated."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    for name in ("given_short", "given_no_trade", "given_long"):
        op.add_column("predictions", sa.Column(name, sa.Double, nullable=True))
