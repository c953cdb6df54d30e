"""The tables, as the newest migration leaves them. Times are UTC milliseconds.

`engine` is the name of an engine (`domain.engine_key`): nothing but candles, gaps, training runs
and the kill switch is shared by the engines of a database.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Double,
    ForeignKeyConstraint,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    literal_column,
    text,
)

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
    Column("exchange", Text, primary_key=True),
    Column("market", Text, primary_key=True),  # spot or swap
    Column("tf", Text, primary_key=True),
    Column("symbol", Text, primary_key=True),
    Column("open_ms", BigInteger, primary_key=True),
    Column("open", Double, nullable=False),
    Column("high", Double, nullable=False),
    Column("low", Double, nullable=False),
    Column("close", Double, nullable=False),
    Column("volume", Double, nullable=False),
    sqlite_with_rowid=False,
)

gaps = Table(
    "gaps",
    metadata,
    Column("exchange", Text, primary_key=True),
    Column("market", Text, primary_key=True),  # spot or swap
    Column("tf", Text, primary_key=True),
    Column("symbol", Text, primary_key=True),
    Column("open_ms", BigInteger, primary_key=True),
    sqlite_with_rowid=False,
)

predictions = Table(
    "predictions",
    metadata,
    Column("engine", Text, primary_key=True),
    Column("id", Text, primary_key=True),  # Signal.id: made of what follows, up to role
    Column("symbol", Text, nullable=False),
    Column("tf", Text, nullable=False),
    Column("candle_open_ms", BigInteger, nullable=False),
    Column("horizon", Text, nullable=False),
    Column("model", Text, nullable=False),
    Column("role", Text, nullable=False),
    Column("commit_number", BigInteger, nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    Column("late", Boolean, nullable=False),
    Column("pred", Text, nullable=False),
    Column("confidence", Double, nullable=False),
    Column("classes", Text, nullable=False),  # JSON list of names
    Column("probabilities", Text, nullable=False),  # JSON list of numbers, one for each class
    # Derived from both, where the classes are the three sides; else NULL.
    Column("p_short", Double),
    Column("p_no_trade", Double),
    Column("p_long", Double),
    Column("expected_bps", Double),
    Column("cost_bps", Double),
    Column("source", Text, nullable=False),
    Column("model_version", Text),
    Column("entry", Double, nullable=False),
    Column("stop_loss", Double),
    Column("tp1", Double),
    Column("tp2", Double),
    Column("tp3", Double),
    Column("atr", Double),
    Column("horizon_bars", Integer, nullable=False),
    Column("reasons", Text, nullable=False),  # JSON list of texts
    Column("declined", Text, nullable=False),  # JSON list of [source, reason]
    Column("label_rule", Text),  # JSON object of a LabelSpec, NULL for the engine's own label
    Index(None, "commit_number"),
)

SERVED = predictions.c.role == literal_column("'champion'")
"""With a literal, so that the planners see that the indexes of the served record will do."""

for _columns in (
    ("symbol", "candle_open_ms"),
    ("candle_open_ms", "symbol", "source"),
):
    Index(
        f"ix_predictions_served_{'_'.join(_columns)}",
        *(predictions.c[name] for name in ("engine", "tf", *_columns)),
        sqlite_where=text("role = 'champion'"),
        postgresql_where=text("role = 'champion'"),
    )

outcomes = Table(
    "outcomes",
    metadata,
    Column("engine", Text, primary_key=True),
    Column("prediction_id", Text, primary_key=True),
    Column("commit_number", BigInteger, nullable=False),
    Column("settled_ms", BigInteger, nullable=False),
    Column("status", Text, nullable=False),
    Column("exit_price", Double, nullable=False),
    Column("return_bps", Double, nullable=False),
    Column("mfe_bps", Double, nullable=False),
    Column("mae_bps", Double, nullable=False),
    Column("label", Text),
    Column("side", Text),  # what the class stands for, as the call has it
    Column("correct", Boolean),
    ForeignKeyConstraint(["engine", "prediction_id"], [predictions.c.engine, predictions.c.id]),
    Index(None, "commit_number"),
    sqlite_with_rowid=False,
)

day_records = Table(
    "day_records",
    metadata,
    Column("engine", Text, primary_key=True),
    Column("tf", Text, primary_key=True),
    Column("day", Integer, primary_key=True),  # candle_open_ms // 86,400,000
    Column("source", Text, primary_key=True),
    Column("symbol", Text, primary_key=True),
    Column("n", Integer, nullable=False),
    Column("hits", Integer, nullable=False),
    Column("trades", Integer, nullable=False),
    Column("return_bps", Double, nullable=False),
    Column("confidence", Double, nullable=False),
    Column("brier", Double, nullable=False),
    sqlite_with_rowid=False,
)

engine = Table(
    "engine",
    metadata,
    Column("engine", Text, primary_key=True),
    Column("tf", Text, primary_key=True),
    Column("exchange", Text, nullable=False),
    Column("market", Text, nullable=False),
    Column("first_bar_ms", BigInteger, nullable=False),
)

commit_numbers = Table(
    "commit_numbers",
    metadata,
    Column("id", Integer, primary_key=True),  # 1: there is one row
    Column("newest", BigInteger, nullable=False),
)

# Paper trading counts in decimals, which no database column keeps to the last digit but a text.
paper_events = Table(
    "paper_events",
    metadata,
    Column("engine", Text, primary_key=True),
    Column("id", Text, primary_key=True),
    Column("account", Text, nullable=False),
    Column("tf", Text, nullable=False),
    Column("seq", Integer, nullable=False),
    Column("at_ms", BigInteger, nullable=False),
    Column("kind", Text, nullable=False),
    Column("cash", Text, nullable=False),
    Column("symbol", Text),
    Column("prediction_id", Text),
    Column("side", Text),
    Column("reason", Text),
    Column("price", Text, nullable=False),
    Column("amount", Text, nullable=False),
    Column("fee", Text, nullable=False),
    Column("terms", Text),  # JSON object of ledger.Terms, for an OPEN
    Index(None, "engine", "account", "tf", "seq", unique=True),
)

paper_trades = Table(
    "paper_trades",
    metadata,
    Column("engine", Text, primary_key=True),
    Column("account", Text, primary_key=True),
    Column("prediction_id", Text, primary_key=True),
    Column("tf", Text, nullable=False),
    Column("symbol", Text, nullable=False),
    Column("side", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("amount", Text, nullable=False),
    Column("entry", Text, nullable=False),
    Column("entry_ms", BigInteger, nullable=False),
    Column("exit", Text, nullable=False),
    Column("exit_ms", BigInteger, nullable=False),
    Column("reason", Text, nullable=False),
    Column("gross", Text, nullable=False),
    Column("fees", Text, nullable=False),
    Column("funding", Text, nullable=False),
    Column("net", Text, nullable=False),
    Column("r", Double, nullable=False),
    Index(None, "engine", "account", "tf", "exit_ms"),
)

paper_equity = Table(
    "paper_equity",
    metadata,
    Column("engine", Text, primary_key=True),
    Column("account", Text, primary_key=True),
    Column("tf", Text, primary_key=True),
    Column("at_ms", BigInteger, primary_key=True),
    Column("cash", Text, nullable=False),
    Column("equity", Text, nullable=False),
    Column("buy_and_hold", Text, nullable=False),
    sqlite_with_rowid=False,
)

paper_refusals = Table(
    "paper_refusals",
    metadata,
    Column("engine", Text, primary_key=True),
    Column("account", Text, primary_key=True),
    Column("prediction_id", Text, primary_key=True),
    Column("tf", Text, nullable=False),
    Column("at_ms", BigInteger, nullable=False),
    Column("rule", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Index(None, "engine", "account", "tf", "at_ms"),
)

paper_seen = Table(
    "paper_seen",
    metadata,
    Column("engine", Text, primary_key=True),
    Column("account", Text, primary_key=True),
    Column("tf", Text, primary_key=True),
    Column("symbol", Text, primary_key=True),
    Column("open_ms", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)

paper_switches = Table(
    "paper_switches",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("at_ms", BigInteger, nullable=False),
    Column("stopped", Boolean, nullable=False),
    Column("by", Text, nullable=False),
    Column("reason", Text),
)

training_runs = Table(
    "training_runs",
    metadata,
    Column("run_id", Text, primary_key=True),  # the run's start, ISO-8601: sorts by time
    Column("symbol", Text, primary_key=True),
    Column("tf", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("reason", Text),
    Column("phase", Text),
    Column("epoch", Integer),
    Column("epochs", Integer),
    Column("started_ms", BigInteger, nullable=False),
    Column("updated_ms", BigInteger, nullable=False),
    Column("finished_ms", BigInteger),
    Column("seconds", Double, nullable=False),
    Column("code_version", Text, nullable=False),
    Column("seed", BigInteger, nullable=False),
    Column("schema_hash", Text, nullable=False),
    Column("first_open_ms", BigInteger, nullable=False),
    Column("last_open_ms", BigInteger, nullable=False),
    Column("candles", BigInteger, nullable=False),
    Column("hardware", Text, nullable=False),
    Column("executor", Text, nullable=False),
    Column("verdict", Text),
    Column("model_version", Text),
    Column("skill", Double),
    Column("direction_auc", Double),
    Column("ece", Double),
)
