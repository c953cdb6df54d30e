"""The tables, as the newest migration leaves them. Times are UTC milliseconds.

`engine` is the id of an engine (`domain.engine_key`) in `engines`, and `market_id` that of a market
in `markets`: nothing but candles, gaps, training runs and the kill switch is shared by the engines
of a database.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    ColumnElement,
    Double,
    ForeignKeyConstraint,
    FromClause,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    func,
)

from crypto_bot.adapters.store.columns import columns, engine_keys, keys

metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s",
    }
)

engines = Table(
    "engines",
    metadata,
    *keys(Integer, "id"),
    *columns(Text, "name"),
    UniqueConstraint("name"),
)

markets = Table(
    "markets",
    metadata,
    *keys(Integer, "id"),
    # The market is spot or swap.
    *columns(Text, "exchange", "market"),
    UniqueConstraint("exchange", "market"),
)

# Short rows that are read in the order of their key lie in that order (sqlite_with_rowid=False).
candles = Table(
    "candles",
    metadata,
    *keys(Integer, "market_id"),
    *keys(Text, "tf", "symbol"),
    *keys(BigInteger, "open_ms"),
    *columns(Double, "open", "high", "low", "close", "volume"),
    sqlite_with_rowid=False,
)

CANDLE = [candles.c[name] for name in ("open_ms", "open", "high", "low", "close", "volume")]
"""The columns of a `domain.candle.Candle`, in its order."""

# What a candle was until the exchange changed it: the oldest is what its signal was made of.
candle_revisions = Table(
    "candle_revisions",
    metadata,
    *keys(Integer, "market_id"),
    *keys(Text, "tf", "symbol"),
    *keys(BigInteger, "open_ms", "revised_ms"),
    *columns(Double, "open", "high", "low", "close", "volume"),
    sqlite_with_rowid=False,
)

# How a candle was traded, as it was first stored, from exchanges that say so.
trading = Table(
    "trading",
    metadata,
    *keys(Integer, "market_id"),
    *keys(Text, "tf", "symbol"),
    *keys(BigInteger, "open_ms"),
    *columns(Double, "volume", "quote_volume"),
    *columns(BigInteger, "trades"),
    *columns(Double, "taker_volume"),
    sqlite_with_rowid=False,
)

gaps = Table(
    "gaps",
    metadata,
    *keys(Integer, "market_id"),
    *keys(Text, "tf", "symbol"),
    *keys(BigInteger, "open_ms"),
    sqlite_with_rowid=False,
)

predictions = Table(
    "predictions",
    metadata,
    # The id is Signal.id: made of the prediction's key.
    *engine_keys("id"),
    *columns(Text, "symbol", "tf"),
    *columns(BigInteger, "candle_open_ms"),
    # NULL for the champion.
    *columns(Text, "role", nullable=True),
    *columns(BigInteger, "commit_number", "created_ms"),
    *columns(Boolean, "late"),
    *columns(Text, "pred"),
    *columns(Double, "confidence"),
    # JSON list of [class, probability]; NULL where the classes are the three sides that follow.
    *columns(Text, "distribution", nullable=True),
    *columns(Double, "p_short", "p_no_trade", "p_long", nullable=True),
    *columns(Double, "expected_bps", "cost_bps", nullable=True),
    *columns(Text, "source"),
    *columns(Text, "model_version", nullable=True),
    *columns(Double, "entry"),
    *columns(Double, "stop_loss", "tp1", "tp2", "tp3", "atr", nullable=True),
    *columns(Integer, "horizon_bars"),
    # JSON lists of texts, and of [source, reason] or [source, reason, near] of those that declined;
    # [source, null, near] of the source that answered follows where it has one.
    *columns(Text, "reasons", "declined"),
    # JSON object of a LabelSpec, NULL for the engine's own label.
    *columns(Text, "label_rule", nullable=True),
    # What the model gave, where the three probabilities above are recalibrated.
    *columns(Double, "given_short", "given_no_trade", "given_long", nullable=True),
)


def given(rows: FromClause = predictions) -> list[ColumnElement[float]]:
    """The three probabilities of `predictions`, or of an alias, as a model gave them."""
    return [
        func.coalesce(rows.c[f"given_{side}"], rows.c[f"p_{side}"])
        for side in ("short", "no_trade", "long")
    ]


SERVED = predictions.c.role.is_(None)
NOT_SERVED = predictions.c.role.is_not(None)

for _rows, _is_in, _columns in (
    ("served", SERVED, ("symbol", "candle_open_ms")),
    ("served", SERVED, ("candle_open_ms", "symbol", "source")),
    ("not_served", NOT_SERVED, ("candle_open_ms", "symbol")),
):
    Index(
        f"ix_predictions_{_rows}_{'_'.join(_columns)}",
        *(predictions.c[name] for name in ("engine", "tf", *_columns)),
        sqlite_where=_is_in,
        postgresql_where=_is_in,
    )

outcomes = Table(
    "outcomes",
    metadata,
    *engine_keys("prediction_id"),
    *columns(BigInteger, "commit_number", "settled_ms"),
    *columns(Text, "status"),
    *columns(Double, "exit_price", "return_bps", "mfe_bps", "mae_bps"),
    # What the label, the name of a class, stands for: NULL where it is the name of a side itself.
    *columns(Text, "label", "side", nullable=True),
    # NULL where the label has no side, and for a NO_TRADE by a label that has no such class.
    *columns(Boolean, "correct", nullable=True),
    ForeignKeyConstraint(["engine", "prediction_id"], [predictions.c.engine, predictions.c.id]),
    sqlite_with_rowid=False,
)

IS_CALL = outcomes.c.correct.is_not(None)
"""Whether it is right or wrong at all."""
outcome_side = func.coalesce(outcomes.c.side, outcomes.c.label)
"""The side of an outcome that has one."""
HAS_SIDE = outcome_side.in_(("SHORT", "NO_TRADE", "LONG"))

day_records = Table(
    "day_records",
    metadata,
    *engine_keys("tf"),
    # The day is candle_open_ms // 86,400,000.
    *keys(Integer, "day"),
    *keys(Text, "source", "symbol"),
    *columns(Integer, "n", "hits", "trades"),
    *columns(Double, "return_bps", "confidence", "brier"),
    *columns(Integer, "no_calls", "episodes", "won"),
    *columns(Double, "won_bps", "net_bps"),
    sqlite_with_rowid=False,
)

# The share of deleted predictions in the tallies of the sources (see `domain.record`).
deleted_tallies = Table(
    "deleted_tallies",
    metadata,
    *engine_keys("tf", "source", "symbol"),
    *columns(Integer, "n", "hits", "flats"),
    sqlite_with_rowid=False,
)

engine = Table(
    "engine",
    metadata,
    *engine_keys("tf"),
    *columns(Integer, "market_id"),
    *columns(BigInteger, "first_bar_ms"),
)

commit_numbers = Table(
    "commit_numbers",
    metadata,
    # There is one row, of id 1.
    *keys(Integer, "id"),
    *columns(BigInteger, "newest"),
)

commits = Table(
    "commits",
    metadata,
    *engine_keys("tf"),
    *keys(BigInteger, "number"),
    # Of what was served: the oldest candle that one of its signals or outcomes is of, and the time
    # of its newest signal.
    *columns(BigInteger, "oldest_open_ms"),
    *columns(BigInteger, "made_ms", nullable=True),
    sqlite_with_rowid=False,
)

# Which model was served from when on, and what decided it. The symbol of the pool is empty.
role_changes = Table(
    "role_changes",
    metadata,
    *engine_keys("tf", "symbol"),
    *keys(BigInteger, "at_ms"),
    *columns(Text, "champion"),
    *columns(Text, "challenger", nullable=True),
    *columns(Text, "because", "evidence"),
    sqlite_with_rowid=False,
)

training_runs = Table(
    "training_runs",
    metadata,
    # A run's id is its start, ISO-8601: sorts by time.
    *keys(Text, "run_id", "symbol"),
    *columns(Text, "tf", "status"),
    *columns(Text, "reason", "phase", nullable=True),
    *columns(Integer, "epoch", "epochs", nullable=True),
    *columns(BigInteger, "started_ms", "updated_ms"),
    *columns(BigInteger, "finished_ms", nullable=True),
    *columns(Double, "seconds"),
    *columns(Text, "code_version"),
    *columns(BigInteger, "seed"),
    *columns(Text, "schema_hash"),
    *columns(BigInteger, "first_open_ms", "last_open_ms", "candles"),
    *columns(Text, "hardware", "executor"),
    *columns(Text, "verdict", "model_version", nullable=True),
    *columns(Double, "skill", "direction_auc", "ece", nullable=True),
)
