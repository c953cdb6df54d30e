"""Candles, gaps, predictions with their outcomes, and what the engine remembers of itself."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    _create_candles()
    _create_predictions()
    _create_outcomes()
    op.create_table(
        "engine",
        sa.Column("tf", sa.Text, nullable=False),
        sa.Column("first_bar_ms", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("tf", name="pk_engine"),
    )


def _create_candles() -> None:
    op.create_table(
        "candles",
        sa.Column("symbol", sa.Text, nullable=False),
        sa.Column("tf", sa.Text, nullable=False),
        sa.Column("open_ms", sa.BigInteger, nullable=False),
        sa.Column("open", sa.Double, nullable=False),
        sa.Column("high", sa.Double, nullable=False),
        sa.Column("low", sa.Double, nullable=False),
        sa.Column("close", sa.Double, nullable=False),
        sa.Column("volume", sa.Double, nullable=False),
        sa.PrimaryKeyConstraint("symbol", "tf", "open_ms", name="pk_candles"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "gaps",
        sa.Column("symbol", sa.Text, nullable=False),
        sa.Column("tf", sa.Text, nullable=False),
        sa.Column("open_ms", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("symbol", "tf", "open_ms", name="pk_gaps"),
        sqlite_with_rowid=False,
    )


def _create_predictions() -> None:
    op.create_table(
        "predictions",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("symbol", sa.Text, nullable=False),
        sa.Column("tf", sa.Text, nullable=False),
        sa.Column("candle_open_ms", sa.BigInteger, nullable=False),
        sa.Column("created_ms", sa.BigInteger, nullable=False),
        sa.Column("late", sa.Boolean, nullable=False),
        sa.Column("pred", sa.Text, nullable=False),
        sa.Column("confidence", sa.Double, nullable=False),
        sa.Column("p_short", sa.Double, nullable=False),
        sa.Column("p_no_trade", sa.Double, nullable=False),
        sa.Column("p_long", sa.Double, nullable=False),
        sa.Column("expected_bps", sa.Double),
        sa.Column("cost_bps", sa.Double),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("model_version", sa.Text),
        sa.Column("entry", sa.Double, nullable=False),
        sa.Column("stop_loss", sa.Double),
        sa.Column("tp1", sa.Double),
        sa.Column("tp2", sa.Double),
        sa.Column("tp3", sa.Double),
        sa.Column("atr", sa.Double),
        sa.Column("horizon_bars", sa.Integer, nullable=False),
        sa.Column("reasons", sa.Text, nullable=False),
        sa.Column("declined", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_predictions"),
    )
    for columns in (
        ["tf", "symbol", "candle_open_ms"],
        ["tf", "candle_open_ms", "symbol", "source"],
    ):
        op.create_index(f"ix_predictions_{'_'.join(columns)}", "predictions", columns)


def _create_outcomes() -> None:
    op.create_table(
        "outcomes",
        sa.Column("prediction_id", sa.Text, nullable=False),
        sa.Column("settled_ms", sa.BigInteger, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("exit_price", sa.Double, nullable=False),
        sa.Column("return_bps", sa.Double, nullable=False),
        sa.Column("mfe_bps", sa.Double, nullable=False),
        sa.Column("mae_bps", sa.Double, nullable=False),
        sa.Column("label", sa.Text),
        sa.Column("correct", sa.Boolean),
        sa.PrimaryKeyConstraint("prediction_id", name="pk_outcomes"),
        sa.ForeignKeyConstraint(
            ["prediction_id"], ["predictions.id"], name="fk_outcomes_prediction_id"
        ),
        sqlite_with_rowid=False,
    )
