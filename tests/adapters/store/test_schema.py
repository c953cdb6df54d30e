"""Migrations lead to the tables, from any older database, and from no newer one."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, text

from crypto_bot.adapters.store import schema
from crypto_bot.adapters.store.candle_archive import SqlCandleArchive
from crypto_bot.adapters.store.database import Database
from crypto_bot.adapters.store.prediction_store import SqlPredictionStore
from crypto_bot.adapters.store.queries import SqlPredictionQueries
from crypto_bot.adapters.store.tables import metadata
from crypto_bot.domain.candle import Candle
from crypto_bot.domain.errors import ConfigError
from crypto_bot.domain.signal import Source
from crypto_bot.domain.timeframe import Timeframe
from crypto_bot.ports import DayRecord, Gap

M15 = Timeframe.parse("15m")
SCRIPTS = Path(schema.__file__).parent / "migrations"
OLD = Path(__file__).parent / "schema_0001.sql"

CALLS: list[tuple[Any, ...]] = [
    ("BTCUSDT", 0, 0, "LONG", 0.5, "RSI_MA", "LONG", 100.0),
    ("BTCUSDT", 1, 0, "LONG", 0.25, "RSI_MA", "SHORT", -50.5),
    ("BTCUSDT", 96, 0, "LONG", 0.5, "RSI_MA", "LONG", 10.0),
    ("ETHUSDT", 0, 0, "NO_TRADE", 0.75, "HOLD", "NO_TRADE", 0.0),
    ("BTCUSDT", 2, 1, "LONG", 0.5, "RSI_MA", "LONG", 7.0),  # late
    ("BTCUSDT", 3, 0, "LONG", 0.5, "RSI_MA", None, 7.0),
]
PREDICTION = (
    "INSERT INTO predictions (id, symbol, tf, candle_open_ms, created_ms, late, pred, confidence, "
    "p_short, p_no_trade, p_long, source, entry, horizon_bars, reasons, declined) "
    "VALUES (?, ?, '15m', ?, 0, ?, ?, ?, 0, 0, 1, ?, 1, 24, '[]', '[]')"
)
LATER = [name for name in metadata.tables if name.startswith(("day_", "paper_", "training_"))]
OUTCOME = "INSERT INTO outcomes VALUES (?, 1, 'TP1', 1, ?, 0, 0, ?, NULL)"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "store.db"


def differences(path: Path) -> list[object]:
    engine = create_engine(f"sqlite:///{path}")
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        found = list(compare_metadata(context, metadata))
    engine.dispose()
    return found


def test_migrated_is_what_the_tables_say(path: Path) -> None:
    Database.open(f"sqlite:///{path}").close()
    assert differences(path) == []


def test_newest_is_the_head_of_the_migrations() -> None:
    assert ScriptDirectory(str(SCRIPTS)).get_heads() == [schema.NEWEST]


@pytest.mark.parametrize(
    "revision", [each.revision for each in ScriptDirectory(str(SCRIPTS)).walk_revisions()]
)
def test_every_older_schema_is_brought_up_to_date(path: Path, revision: str) -> None:
    engine = create_engine(f"sqlite:///{path}")
    with engine.begin() as connection:
        config = Config(attributes={"connection": connection})
        config.set_main_option("script_location", str(SCRIPTS))
        command.upgrade(config, revision)
    engine.dispose()
    Database.open(f"sqlite:///{path}").close()
    assert differences(path) == []


def test_the_rows_of_an_old_database_are_kept(path: Path) -> None:
    engine = create_engine(f"sqlite:///{path}")
    with engine.begin() as connection:
        for statement in OLD.read_text().split(";\n"):
            connection.exec_driver_sql(statement)
    engine.dispose()
    database = Database.open(f"sqlite:///{path}")
    archive, store = SqlCandleArchive(database, M15), SqlPredictionStore(database, M15)
    assert archive.read("BTCUSDT", 0, 2**60) == [
        Candle(1764547200000, 91234.5, 91300.0, 91200.25, 91250.0, 12.5)
    ]
    assert archive.gaps(0) == [Gap("BTCUSDT", 1764548100000)]
    log = SqlPredictionQueries(database, M15).prediction_log(None, None, None, None, 10)
    assert [line.stored.signal.id for line in log] == [
        "ETHUSDT:15m:1764547200000",
        "BTCUSDT:15m:1764547200000",
    ]
    assert [line.outcome is None for line in log] == [True, False]
    assert store.first_bar(1) == 1764547200000
    database.close()
    assert differences(path) == []


def test_the_days_of_an_older_log_are_added_up(path: Path) -> None:
    """As commits would have added them up."""
    database = Database.open(f"sqlite:///{path}")
    with database.writing() as connection:
        for number, (symbol, bar, late, *told, label, moved) in enumerate(CALLS):
            opened = 1764547200000 + bar * M15.ms
            connection.exec_driver_sql(PREDICTION, (str(number), symbol, opened, late, *told))
            connection.exec_driver_sql(OUTCOME, (str(number), moved, label))
        for statement in (
            *(f"DROP TABLE {name}" for name in LATER),
            "UPDATE alembic_version SET version_num='0002'",
        ):
            connection.exec_driver_sql(statement)
    database.close()
    database = Database.open(f"sqlite:///{path}")
    rows = SqlPredictionQueries(database, M15).performance_rows(None, None, None)
    database.close()
    day = 1764547200000 // 86_400_000
    assert rows == [
        DayRecord(Source.HOLD, "ETHUSDT", day, 1, 1, 0, 0.0, 0.75, 0.0625),
        DayRecord(Source.RSI_MA, "BTCUSDT", day, 2, 1, 2, 49.5, 0.75, 0.3125),
        DayRecord(Source.RSI_MA, "BTCUSDT", day + 1, 1, 1, 1, 10.0, 0.5, 0.25),
    ]


def test_a_database_from_a_newer_program_is_refused(path: Path) -> None:
    url = f"sqlite:///{path}"
    Database.open(url).close()
    engine = create_engine(url)
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    engine.dispose()
    with pytest.raises(ConfigError, match=r"schema 9999, made by a newer crypto_bot"):
        Database.open(url)


def test_a_start_with_nothing_to_migrate_does_without_alembic(path: Path) -> None:
    url = f"sqlite:///{path}"
    Database.open(url).close()
    program = (
        "import sys; from crypto_bot.adapters.store.database import Database; "
        f"Database.open({url!r}).close(); print('alembic' in sys.modules)"
    )
    said = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True)
    assert said.stdout.strip() == b"False"


def test_two_processes_may_open_a_new_database_at_once(path: Path) -> None:
    program = (
        "from crypto_bot.adapters.store.database import Database; "
        f"Database.open('sqlite:///{path}').close()"
    )
    starts = [subprocess.Popen([sys.executable, "-c", program]) for _ in range(2)]
    assert [start.wait(60) for start in starts] == [0, 0]
    assert differences(path) == []
