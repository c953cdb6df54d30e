"""The tables of paper trading, as the newest migration leaves them. Times are UTC milliseconds."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Double, Index, Integer, Table, Text

from crypto_bot.adapters.store.columns import columns, engine_keys, keys
from crypto_bot.adapters.store.tables import metadata

# Paper trading counts in decimals, which no database column keeps to the last digit but a text.
paper_events = Table(
    "paper_events",
    metadata,
    *engine_keys("id"),
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
    *engine_keys("account", "prediction_id"),
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
    *engine_keys("account", "tf"),
    *keys(BigInteger, "at_ms"),
    *columns(Text, "cash", "equity", "buy_and_hold"),
    sqlite_with_rowid=False,
)

paper_refusals = Table(
    "paper_refusals",
    metadata,
    *engine_keys("account", "prediction_id"),
    *columns(Text, "tf"),
    *columns(BigInteger, "at_ms"),
    *columns(Text, "rule", "reason"),
    Index(None, "engine", "account", "tf", "at_ms"),
)

paper_seen = Table(
    "paper_seen",
    metadata,
    *engine_keys("account", "tf", "symbol"),
    *columns(BigInteger, "open_ms"),
    sqlite_with_rowid=False,
)

# Decimals as texts, as above.
instruments = Table(
    "instruments",
    metadata,
    *keys(Integer, "market_id"),
    *keys(Text, "symbol"),
    *columns(Text, "tick", "lot", "min_amount", "min_notional"),
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
