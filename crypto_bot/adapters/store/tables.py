"""The tables, as the newest migration leaves them. Times are UTC milliseconds."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Double,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
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
    Column("symbol", Text, primary_key=True),
    Column("tf", Text, primary_key=True),
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
    Column("symbol", Text, primary_key=True),
    Column("tf", Text, primary_key=True),
    Column("open_ms", BigInteger, primary_key=True),
    sqlite_with_rowid=False,
)

predictions = Table(
    "predictions",
    metadata,
    Column("id", Text, primary_key=True),
    Column("symbol", Text, nullable=False),
    Column("tf", Text, nullable=False),
    Column("candle_open_ms", BigInteger, nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    Column("late", Boolean, nullable=False),
    Column("pred", Text, nullable=False),
    Column("confidence", Double, nullable=False),
    Column("p_short", Double, nullable=False),
    Column("p_no_trade", Double, nullable=False),
    Column("p_long", Double, nullable=False),
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
    Index(None, "tf", "symbol", "candle_open_ms"),
    Index(None, "tf", "candle_open_ms", "symbol", "source"),
)

outcomes = Table(
    "outcomes",
    metadata,
    Column("prediction_id", Text, ForeignKey(predictions.c.id), primary_key=True),
    Column("settled_ms", BigInteger, nullable=False),
    Column("status", Text, nullable=False),
    Column("exit_price", Double, nullable=False),
    Column("return_bps", Double, nullable=False),
    Column("mfe_bps", Double, nullable=False),
    Column("mae_bps", Double, nullable=False),
    Column("label", Text),
    Column("correct", Boolean),
    sqlite_with_rowid=False,
)

day_records = Table(
    "day_records",
    metadata,
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
    Column("tf", Text, primary_key=True),
    Column("first_bar_ms", BigInteger, nullable=False),
)
