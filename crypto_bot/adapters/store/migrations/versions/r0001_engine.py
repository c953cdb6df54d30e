"""Candles, gaps, predictions with their outcomes, and what the engine remembers of itself."""

import sqlalchemy as sa
from alembic import op

from crypto_bot.adapters.store.columns import columns

revision = "0001"
down_revision = None


def upgrade() -> None:
    _create_candles()
    _create_predictions()
    _create_outcomes()
    op.create_table(
        "engine",
        *columns(sa.Text, "tf"),
        *columns(sa.BigInteger, "first_bar_ms"),
        sa.PrimaryKeyConstraint("tf", name="pk_engine"),
    )


def _create_candles() -> None:
    op.create_table(
        "candles",
        *columns(sa.Text, "symbol", "tf"),
        *columns(sa.BigInteger, "open_ms"),
        *columns(sa.Double, "open", "high", "low", "close", "volume"),
        sa.PrimaryKeyConstraint("symbol", "tf", "open_ms", name="pk_candles"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "gaps",
        *columns(sa.Text, "symbol", "tf"),
        *columns(sa.BigInteger, "open_ms"),
        sa.PrimaryKeyConstraint("symbol", "tf", "open_ms", name="pk_gaps"),
        sqlite_with_rowid=False,
    )


def _create_predictions() -> None:
    op.create_table(
        "predictions",
        *columns(sa.Text, "id", "symbol", "tf"),
        *columns(sa.BigInteger, "candle_open_ms", "created_ms"),
        *columns(sa.Boolean, "late"),
        *columns(sa.Text, "pred"),
        *columns(sa.Double, "confidence", "p_short", "p_no_trade", "p_long"),
        *columns(sa.Double, "expected_bps", "cost_bps", nullable=True),
        *columns(sa.Text, "source"),
        *columns(sa.Text, "model_version", nullable=True),
        *columns(sa.Double, "entry"),
        *columns(sa.Double, "stop_loss", "tp1", "tp2", "tp3", "atr", nullable=True),
        *columns(sa.Integer, "horizon_bars"),
        *columns(sa.Text, "reasons", "declined"),
        sa.PrimaryKeyConstraint("id", name="pk_predictions"),
    )
    for indexed in (
        ["tf", "symbol", "candle_open_ms"],
        ["tf", "candle_open_ms", "symbol", "source"],
    ):
        op.create_index(f"ix_predictions_{'_'.join(indexed)}", "predictions", indexed)


def _create_outcomes() -> None:
    op.create_table(
        "outcomes",
        *columns(sa.Text, "prediction_id"),
        *columns(sa.BigInteger, "settled_ms"),
        *columns(sa.Text, "status"),
        *columns(sa.Double, "exit_price", "return_bps", "mfe_bps", "mae_bps"),
        *columns(sa.Text, "label", nullable=True),
        *columns(sa.Boolean, "correct", nullable=True),
        sa.PrimaryKeyConstraint("prediction_id", name="pk_outcomes"),
        sa.ForeignKeyConstraint(
            ["prediction_id"], ["predictions.id"], name="fk_outcomes_prediction_id"
        ),
        sqlite_with_rowid=False,
    )
