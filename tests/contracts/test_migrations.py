"""Migrations lead to the tables, from any older database, and from no newer one."""

from __future__ import annotations

import random
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from crypto_bot.adapters.store import schema
from crypto_bot.adapters.store.candle_archive import SqlCandleArchive
from crypto_bot.adapters.store.connection import connect
from crypto_bot.adapters.store.database import Database
from crypto_bot.adapters.store.prediction_store import SqlPredictionStore
from crypto_bot.adapters.store.queries import SqlPredictionQueries
from crypto_bot.adapters.store.tables import metadata
from crypto_bot.domain.engine_key import BINANCE_SPOT, EngineKey
from crypto_bot.domain.errors import ConfigError
from crypto_bot.domain.log import LogFilter
from crypto_bot.domain.signal import Source
from crypto_bot.domain.timeframe import Timeframe
from crypto_bot.ports import DayRecord

M15 = Timeframe.parse("15m")
T0 = 1_764_547_200_000
SCRIPTS = Path(schema.__file__).parent / "migrations"
SWAP = EngineKey.of("kraken", "swap")
ROWS = 5_000
COINS = ("BTCUSDT", "ETHUSDT", "SOLUSDT")
Row = dict[str, Any]


@contextmanager
def opened(url: str) -> Iterator[sa.Connection]:
    """A transaction on a database as it is."""
    engine = connect(url)
    with engine.begin() as connection:
        yield connection
    engine.dispose()


def upgrade(url: str, revision: str) -> None:
    with opened(url) as connection:
        config = Config(attributes={"connection": connection})
        config.set_main_option("script_location", str(SCRIPTS))
        command.upgrade(config, revision)


def differences(url: str) -> list[object]:
    with opened(url) as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        return list(compare_metadata(context, metadata))


def reflected(connection: sa.Connection, name: str) -> sa.Table:
    return sa.Table(name, sa.MetaData(), autoload_with=connection)


@pytest.mark.parametrize("revision", [None, *(f"{each:04}" for each in range(1, 14))])
def test_every_schema_is_brought_up_to_date(new_url: str, revision: str | None) -> None:
    assert ScriptDirectory(str(SCRIPTS)).get_heads() == [schema.NEWEST]
    if revision is not None:
        upgrade(new_url, revision)
    Database.open(new_url).close()
    assert differences(new_url) == []


def test_the_days_of_an_older_log_are_added_up(new_url: str) -> None:
    """As commits would have added them up."""
    upgrade(new_url, "0002")
    calls: list[tuple[Any, ...]] = [
        ("BTCUSDT", 0, False, "LONG", 0.5, "RSI_MA", "LONG", 100.0),
        ("BTCUSDT", 1, False, "LONG", 0.25, "RSI_MA", "SHORT", -50.5),
        ("BTCUSDT", 96, False, "LONG", 0.5, "RSI_MA", "LONG", 10.0),
        ("ETHUSDT", 0, False, "NO_TRADE", 0.75, "HOLD", "NO_TRADE", 0.0),
        ("BTCUSDT", 2, True, "LONG", 0.5, "RSI_MA", "LONG", 7.0),
        ("BTCUSDT", 3, False, "LONG", 0.5, "RSI_MA", None, 7.0),
        ("SOLUSDT", 0, False, "NO_TRADE", 0.5, "ML_PER_COIN_V1", "LONG", 0.0),
    ]
    two_sides = {"label_rule": '{"name": "updown", "direction": [0, [], 1]}'}
    with opened(new_url) as connection:
        dice = random.Random(1)
        for symbol, bar, late, pred, confidence, source, label, moved in calls:
            made = {"late": late, "pred": pred, "confidence": confidence, "source": source}
            made |= {"cost_bps": 2.5} | (two_sides if symbol == "SOLUSDT" else {})
            prediction = a_prediction(connection, dice, symbol, bar) | made
            ended = {"label": label, "return_bps": moved, "correct": label and label == pred}
            insert(connection, "predictions", [prediction])
            insert(connection, "outcomes", [an_outcome(connection, dice, prediction) | ended])
    database = Database.open(new_url)
    rows = SqlPredictionQueries(database, M15).performance_rows(None, None, None)
    database.close()
    day = T0 // 86_400_000
    expected: list[tuple[Any, ...]] = [
        (Source.HOLD, "ETHUSDT", day, 1, 1, 0, 0.0, 0.75, 0.0625, 0, 0, 0, 0.0, 0.0),
        (Source.ML_PER_COIN_V1, "SOLUSDT", day, 0, 0, 0, 0.0, 0.0, 0.0, 1, 0, 0, 0.0, 0.0),
        (Source.RSI_MA, "BTCUSDT", day, 2, 1, 2, 49.5, 0.75, 0.3125, 0, 1, 1, 97.5, 97.5),
        (Source.RSI_MA, "BTCUSDT", day + 1, 1, 1, 1, 10.0, 0.5, 0.25, 0, 1, 1, 7.5, 7.5),
    ]
    assert rows == list(map(DayRecord._make, expected))


def insert(connection: sa.Connection, name: str, rows: list[Row]) -> None:
    connection.execute(reflected(connection, name).insert(), rows)


def anything(connection: sa.Connection, name: str, dice: random.Random) -> Row:
    """A row of any table, with values that fit its columns."""
    row: Row = {}
    for column in reflected(connection, name).columns:
        whole = dice.randrange(2**31)
        kinds: dict[type, object] = {str: f"{column.name} {whole}", int: whole}
        kinds |= {float: dice.gauss(0.0, 1e3) / 3.0, bool: dice.random() < 0.5}
        is_null = column.nullable and dice.random() < 0.2
        row[column.name] = None if is_null else kinds[column.type.python_type]
    return row


def a_prediction(connection: sa.Connection, dice: random.Random, symbol: str, bar: int) -> Row:
    open_ms = T0 + bar * M15.ms
    made = {"created_ms": open_ms + M15.ms + 2_000, "symbol": symbol, "tf": "15m"}
    named = {"id": f"{symbol}:15m:{open_ms}", "candle_open_ms": open_ms}
    texts = {"source": "HOLD", "pred": "LONG", "reasons": "[]", "declined": "[]"}
    plain = {**texts, "label_rule": None}
    return anything(connection, "predictions", dice) | made | named | plain


def an_outcome(connection: sa.Connection, dice: random.Random, of: Row) -> Row:
    settled_ms = of["candle_open_ms"] + 17 * M15.ms
    named = {"prediction_id": of["id"], "settled_ms": settled_ms, "status": "TP1", "label": "LONG"}
    return anything(connection, "outcomes", dice) | named


OLD_KEYS = {
    "candles": ["symbol", "tf", "open_ms"],
    "gaps": ["symbol", "tf", "open_ms"],
    "predictions": ["id"],
    "outcomes": ["prediction_id"],
    "day_records": ["tf", "day", "source", "symbol"],
    "engine": ["tf"],
    "paper_events": ["id"],
    "paper_trades": ["account", "prediction_id"],
    "paper_equity": ["account", "tf", "at_ms"],
    "paper_refusals": ["account", "prediction_id"],
    "paper_seen": ["account", "tf", "symbol"],
    "paper_switches": ["number"],
    "training_runs": ["run_id", "symbol"],
}


def contents(connection: sa.Connection, columns: dict[str, list[str]]) -> dict[str, list[Any]]:
    """The rows of each table in the order of its old key."""
    found: dict[str, list[Any]] = {}
    for name, names in columns.items():
        column = reflected(connection, name).c
        query = sa.select(*(column[each] for each in names))
        rows = connection.execute(query.order_by(*(column[key] for key in OLD_KEYS[name]))).all()
        found[name] = sorted(map(tuple, rows), key=str)
    return found


@pytest.fixture
def filled_url(new_url: str) -> str:
    """A database of schema 0005 with rows in every table."""
    upgrade(new_url, "0005")
    dice = random.Random(5)
    with opened(new_url) as connection:
        insert_of = {name: reflected(connection, name).insert() for name in OLD_KEYS}
        base = a_prediction(connection, dice, "BTCUSDT", 0)
        predictions = [
            base | a_variant(dice, base, COINS[number % 3], number // 3) for number in range(ROWS)
        ]
        ending = an_outcome(connection, dice, base)
        settled = [
            ending
            | {
                "prediction_id": each["id"],
                "settled_ms": each["candle_open_ms"] + 17 * M15.ms,
                "return_bps": dice.gauss(0.0, 50.0),
            }
            for each in predictions[:-60]
        ]
        connection.execute(insert_of["predictions"], predictions)
        connection.execute(insert_of["outcomes"], settled)
        for name in OLD_KEYS:
            if name not in {"predictions", "outcomes"}:
                rows = [anything(connection, name, dice) for _ in range(30)]
                connection.execute(insert_of[name], rows)
    return new_url


def a_variant(dice: random.Random, base: Row, symbol: str, bar: int) -> Row:
    """The prediction `base` of another coin and candle, with other numbers."""
    shift_ms = bar * M15.ms
    numbers = {name: dice.random() / 3.0 for name in ("p_short", "p_no_trade", "p_long")}
    is_model = dice.random() < 0.5
    source = {"source": "ML_PER_COIN_V1", "model_version": "cnn_lstm_v1+3f9c2a1d"}
    open_ms = base["candle_open_ms"] + shift_ms
    return {
        "id": f"{symbol}:15m:{open_ms}",
        "symbol": symbol,
        "candle_open_ms": open_ms,
        "created_ms": base["created_ms"] + shift_ms,
        "horizon_bars": dice.choice((4, 16, 96)),
        **numbers,
        **(source if is_model else {"source": "HOLD", "model_version": None}),
    }


def test_all_that_a_database_of_before_the_keys_holds_is_kept_by_the_engine_that_migrates(
    filled_url: str,
) -> None:
    with opened(filled_url) as connection:
        columns = {name: reflected(connection, name).c.keys() for name in OLD_KEYS}
        before = contents(connection, columns)
    Database.open(filled_url, SWAP).close()
    with opened(filled_url) as connection:
        after = contents(connection, columns)
        tables = sa.inspect(connection).get_table_names()
        predictions, outcomes = (
            {
                getattr(row, key): row
                for row in connection.execute(reflected(connection, n).select())
            }
            for n, key in (("predictions", "id"), ("outcomes", "prediction_id"))
        )
        newest = connection.scalar(sa.text("SELECT newest FROM commit_numbers"))
        commits = connection.execute(sa.text("SELECT * FROM commits ORDER BY number")).all()
    assert {name: len(rows) for name, rows in before.items()} == {
        **dict.fromkeys(OLD_KEYS, 30),
        "predictions": ROWS,
        "outcomes": ROWS - 60,
    }
    for name, rows in before.items():
        # The sums by day are made anew of the log.
        assert after[name] == rows or name == "day_records"
    assert differences(filled_url) == []
    assert not [name for name in tables if name.startswith("old_")]
    for row in predictions.values():
        assert (row.engine, row.role) == (1, None)
        assert row.distribution is None, "the three columns hold it"
        assert row.commit_number == (row.candle_open_ms - T0) // M15.ms + 1
    for row in outcomes.values():
        assert row.side is None, "the label is the name of a side"
        # That of the settling candle, or the newest where its signal is not stored.
        settling_bar = (row.settled_ms - M15.ms - T0) // M15.ms
        assert row.commit_number == min(settling_bar + 1, newest)
    assert newest == (ROWS - 1) // 3 + 1
    assert [row.number for row in commits] == [*range(1, newest + 1)]
    for row in commits:
        bar = row.number - 1
        settled_bar = bar - 16
        oldest_bar = settled_bar if 0 <= settled_bar <= (ROWS - 61) // 3 else bar
        assert row.oldest_open_ms == T0 + oldest_bar * M15.ms
        assert row.made_ms == T0 + (bar + 1) * M15.ms + 2_000

    database = Database.open(filled_url, SWAP)
    store, queries = SqlPredictionStore(database, M15), SqlPredictionQueries(database, M15)
    assert set(store.newest_opens()) == set(COINS)
    assert len(queries.log_page(LogFilter(), None, 2 * ROWS)) == ROWS
    assert len(store.unsettled()) == 60
    store.commit([], [])
    with database.reading() as connection:
        number = connection.scalar(sa.text("SELECT newest FROM commit_numbers"))
    assert number == newest + 1, "numbers continue where the old rows end"
    other = database.of(BINANCE_SPOT)
    assert SqlPredictionStore(other, M15).newest_opens() == {}
    assert SqlCandleArchive(other, M15).newest_opens() == {}
    database.close()


def test_a_database_from_a_newer_program_is_refused(new_url: str) -> None:
    Database.open(new_url).close()
    with opened(new_url) as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(ConfigError, match=r"schema 9999, made by a newer crypto_bot"):
        Database.open(new_url)


def test_a_start_with_nothing_to_migrate_does_without_alembic(new_url: str) -> None:
    program = (
        "import sys; from crypto_bot.adapters.store.database import Database; "
        f"[Database.open({new_url!r}).close() for _ in range(2)]; print('alembic' in sys.modules)"
    )
    printed = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True)
    assert printed.stdout.strip() == b"False"


def test_two_processes_may_open_a_new_database_at_once(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'store.db'}"
    program = (
        f"from crypto_bot.adapters.store.database import Database; Database.open({url!r}).close()"
    )
    starts = [subprocess.Popen([sys.executable, "-c", program]) for _ in range(2)]
    assert [start.wait() for start in starts] == [0, 0]
    assert differences(url) == []
