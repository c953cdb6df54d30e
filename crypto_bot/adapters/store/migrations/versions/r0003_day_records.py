"""Sums of the live record by day, so that its length does not matter to those who ask for it."""

import sqlalchemy as sa
from alembic import op

from crypto_bot.adapters.store.columns import columns

revision = "0003"
down_revision = "0002"

_FILL = """
INSERT INTO day_records
    (tf, day, source, symbol, n, hits, trades, return_bps, confidence, brier)
SELECT p.tf, p.candle_open_ms / 86400000, p.source, p.symbol, count(*),
    sum(CASE WHEN o.label = p.pred THEN 1 ELSE 0 END),
    sum(CASE WHEN p.pred <> 'NO_TRADE' THEN 1 ELSE 0 END),
    sum(o.return_bps), sum(p.confidence),
    sum((p.confidence - CASE WHEN o.label = p.pred THEN 1 ELSE 0 END)
        * (p.confidence - CASE WHEN o.label = p.pred THEN 1 ELSE 0 END))
FROM predictions AS p JOIN outcomes AS o ON o.prediction_id = p.id
WHERE NOT p.late AND o.label IS NOT NULL
GROUP BY p.tf, p.candle_open_ms / 86400000, p.source, p.symbol
"""


def upgrade() -> None:
    op.create_table(
        "day_records",
        *columns(sa.Text, "tf"),
        *columns(sa.Integer, "day"),
        *columns(sa.Text, "source", "symbol"),
        *columns(sa.Integer, "n", "hits", "trades"),
        *columns(sa.Double, "return_bps", "confidence", "brier"),
        sa.PrimaryKeyConstraint("tf", "day", "source", "symbol", name="pk_day_records"),
        sqlite_with_rowid=False,
    )
    op.execute(_FILL)
