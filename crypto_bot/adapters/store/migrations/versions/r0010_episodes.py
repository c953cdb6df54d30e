"""Decisions in the sums by day, and a NO_TRADE that its label has no class for is no call."""

import json

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"

_FILL = """
INSERT INTO day_records (engine, tf, day, source, symbol, n, hits, trades, return_bps, confidence,
    brier, no_calls, episodes, won, won_bps, net_bps)
SELECT engine, tf, candle_open_ms / 86400000, source, symbol,
    sum(called), sum(hit), sum(traded), sum(return_bps),
    sum(called * confidence), sum(called * (confidence - hit) * (confidence - hit)),
    sum(1 - called), sum(begins), sum(CASE WHEN net > 0 THEN begins ELSE 0 END),
    sum(CASE WHEN net > 0 THEN begins * net ELSE 0.0 END), sum(begins * net)
FROM (
    SELECT p.engine, p.tf, p.candle_open_ms, p.source, p.symbol, p.confidence, o.return_bps,
        o.return_bps - coalesce(p.cost_bps, 0.0) AS net,
        CASE WHEN o.correct IS NULL THEN 0 ELSE 1 END AS called,
        CASE WHEN o.correct THEN 1 ELSE 0 END AS hit,
        CASE WHEN p.pred = 'NO_TRADE' THEN 0 ELSE 1 END AS traded,
        CASE WHEN p.pred = 'NO_TRADE' OR b.id IS NOT NULL THEN 0 ELSE 1 END AS begins
    FROM predictions AS p
    JOIN outcomes AS o ON o.engine = p.engine AND o.prediction_id = p.id
    LEFT JOIN predictions AS b ON p.pred <> 'NO_TRADE' AND b.engine = p.engine
        AND b.pred = p.pred AND b.source = p.source
        AND b.id = p.symbol || ':' || p.tf || ':' || CAST(p.candle_open_ms - CASE p.tf
            WHEN '1m' THEN 60000 WHEN '5m' THEN 300000 WHEN '15m' THEN 900000
            WHEN '1h' THEN 3600000 WHEN '4h' THEN 14400000 ELSE 86400000 END AS TEXT)
    WHERE NOT p.late AND p.role IS NULL
        AND coalesce(o.side, o.label) IN ('SHORT', 'NO_TRADE', 'LONG')
) AS settled
GROUP BY engine, tf, candle_open_ms / 86400000, source, symbol
"""


_KEPT = """
DELETE FROM day_records WHERE EXISTS (
    SELECT 1 FROM predictions AS p
    WHERE p.engine = day_records.engine AND p.tf = day_records.tf AND p.role IS NULL
        AND p.candle_open_ms >= 86400000 * CAST(day_records.day AS BIGINT)
        AND p.candle_open_ms < 86400000 * CAST(day_records.day + 1 AS BIGINT)
)
"""


def upgrade() -> None:
    """Of days whose predictions have been deleted the sums of calls stay; they have no episodes."""
    _forget_no_calls()
    for name, kind in (
        *dict.fromkeys(("no_calls", "episodes", "won"), sa.Integer).items(),
        *dict.fromkeys(("won_bps", "net_bps"), sa.Double).items(),
    ):
        op.add_column("day_records", sa.Column(name, kind, nullable=False, server_default="0"))
    op.execute(_KEPT)
    op.execute(_FILL)


def _forget_no_calls() -> None:
    """A program has few labels: those without a neutral class are found by reading them."""
    connection = op.get_bind()
    rules = connection.scalars(
        sa.text("SELECT DISTINCT label_rule FROM predictions WHERE label_rule IS NOT NULL")
    )
    for rule in rules.all():
        direction = json.loads(rule).get("direction")
        if direction and direction[1] == []:
            connection.execute(
                sa.text(
                    "UPDATE outcomes SET correct = NULL WHERE EXISTS (SELECT 1 FROM predictions AS "
                    "p WHERE p.engine = outcomes.engine AND p.id = outcomes.prediction_id "
                    "AND p.pred = 'NO_TRADE' AND p.label_rule = :rule)"
                ),
                {"rule": rule},
            )
