"""The tables, as the newest migration leaves them. Times are UTC milliseconds.

`engine` is the name of an engine (`domain.engine_key`): nothing but candles, gaps, training runs
and the kill switch is shared by the engines of a database.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Double,
    ForeignKeyConstraint,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    literal_column,
)

from crypto_bot.adapters.store.columns import columns, keys

metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    }
)

# Short rows that are read in the order of their key lie in that order (sqlite_with_rowid=False).
candles = Table(
    "candles",
    metadata,
    # The market is spot or swap.
    *keys(Text, "exchange", "market", "tf", "symbol"),
    *keys(BigInteger, "open_ms"),
    *columns(Double, "open", "high", "low", "close", "volume"),
    sqlite_with_rowid=False,
)

CANDLE = [candles.c[name] for name in ("open_ms", "open", "high", "low", "close", "volume")]
"""The columns of a `domain.candle.Candle`, in its order."""

gaps = Table(
    "gaps",
    metadata,
    # The market is spot or swap.
    *keys(Text, "exchange", "market", "tf", "symbol"),
    *keys(BigInteger, "open_ms"),
    sqlite_with_rowid=False,
)

predictions = Table(
    "predictions",
    metadata,
    # The id is Signal.id: made of the prediction's key.
    *keys(Text, "engine", "id"),
    *columns(Text, "symbol", "tf"),
    *columns(BigInteger, "candle_open_ms"),
    *columns(Text, "role"),
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
    # JSON lists of texts, and of [source, reason].
    *columns(Text, "reasons", "declined"),
    # JSON object of a LabelSpec, NULL for the engine's own label.
    *columns(Text, "label_rule", nullable=True),
    Index(None, "commit_number"),
)

# With literals, so that the planners see that the partial indexes will do.
SERVED = predictions.c.role == literal_column("'champion'")
NOT_SERVED = predictions.c.role != literal_column("'champion'")

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
    *keys(Text, "engine", "prediction_id"),
    *columns(BigInteger, "commit_number", "settled_ms"),
    *columns(Text, "status"),
    *columns(Double, "exit_price", "return_bps", "mfe_bps", "mae_bps"),
    # The side is what the label, the name of a class, stands for.
    *columns(Text, "label", "side", nullable=True),
    *columns(Boolean, "correct", nullable=True),
    ForeignKeyConstraint(["engine", "prediction_id"], [predictions.c.engine, predictions.c.id]),
    Index(None, "commit_number"),
    sqlite_with_rowid=False,
)

day_records = Table(
    "day_records",
    metadata,
    *keys(Text, "engine", "tf"),
    # The day is candle_open_ms // 86,400,000.
    *keys(Integer, "day"),
    *keys(Text, "source", "symbol"),
    *columns(Integer, "n", "hits", "trades"),
    *columns(Double, "return_bps", "confidence", "brier"),
    sqlite_with_rowid=False,
)

engine = Table(
    "engine",
    metadata,
    *keys(Text, "engine", "tf"),
    *columns(Text, "exchange", "market"),
    *columns(BigInteger, "first_bar_ms"),
)

commit_numbers = Table(
    "commit_numbers",
    metadata,
    # There is one row, of id 1.
    *keys(Integer, "id"),
    *columns(BigInteger, "newest"),
)

# Paper trading counts in decimals, which no database column keeps to the last digit but a text.
paper_events = Table(
    "paper_events",
    metadata,
    *keys(Text, "engine", "id"),
    *columns(Text, "account", "tf"),
    *columns(Integer, "seq"),
    *columns(BigInteger, "at_ms"),
    *columns(Text, "kind", "cash"),
    *columns(Text, "symbol", "prediction_id", "side", "reason", nullable=True),
    *columns(Text, "price", "amount", "fee"),
    # JSON object of ledger.Terms, for an OPEN.
    *columns(Text, "terms", nullable=True),
    Index(None, "engine", "account", "tf", "seq", unique=True),
)

paper_trades = Table(
    "paper_trades",
    metadata,
    *keys(Text, "engine", "account", "prediction_id"),
    *columns(Text, "tf", "symbol", "side", "source", "amount", "entry"),
    *columns(BigInteger, "entry_ms"),
    *columns(Text, "exit"),
    *columns(BigInteger, "exit_ms"),
    *columns(Text, "reason", "gross", "fees", "funding", "net"),
    *columns(Double, "r"),
    Index(None, "engine", "account", "tf", "exit_ms"),
)

paper_equity = Table(
    "paper_equity",
    metadata,
    *keys(Text, "engine", "account", "tf"),
    *keys(BigInteger, "at_ms"),
    *columns(Text, "cash", "equity", "buy_and_hold"),
    sqlite_with_rowid=False,
)

paper_refusals = Table(
    "paper_refusals",
    metadata,
    *keys(Text, "engine", "account", "prediction_id"),
    *columns(Text, "tf"),
    *columns(BigInteger, "at_ms"),
    *columns(Text, "rule", "reason"),
    Index(None, "engine", "account", "tf", "at_ms"),
)

paper_seen = Table(
    "paper_seen",
    metadata,
    *keys(Text, "engine", "account", "tf", "symbol"),
    *columns(BigInteger, "open_ms"),
    sqlite_with_rowid=False,
)

paper_switches = Table(
    "paper_switches",
    metadata,
    *keys(Integer, "number"),
    *columns(BigInteger, "at_ms"),
    *columns(Boolean, "stopped"),
    *columns(Text, "by"),
    *columns(Text, "reason", nullable=True),
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
