"""An unchanged log verifies; changed rows, changed candles and deleted models are reported."""

import json
import re
import shutil
from collections.abc import Iterator
from contextlib import closing
from itertools import starmap
from pathlib import Path

import pytest
from sqlalchemy import text

from crypto_bot.adapters.store.candle_archive import SqlCandleArchive
from crypto_bot.adapters.store.database import Database
from crypto_bot.adapters.store.prediction_store import SqlPredictionStore
from crypto_bot.app.commands.backtest import replay_into
from crypto_bot.app.commands.replay import verify
from crypto_bot.app.settings import Settings, load
from crypto_bot.app.wiring import build_catch_up
from crypto_bot.backtesting.replay import ReplayClock
from crypto_bot.domain.candle import Candle
from crypto_bot.domain.timeframe import Timeframe
from crypto_bot.models import versions
from crypto_bot.models.artifact import folder_of, publish
from simulated_exchange.generated import GeneratedMarket
from tests.app.conftest import Run
from tests.engine.true_market import START as FIRST_MS
from tests.engine.true_market import Feed, honest, true_candles
from tests.models.made_models import DATA_ENDS_MS, tiny_model

M15 = Timeframe.parse("15m")
SYMBOLS = ("BTCUSDT", "ETHUSDT", "SOLUSDT")
BARS = 40
START = DATA_ENDS_MS + M15.ms
END = START + (BARS - 1) * M15.ms


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    symbols = tmp_path / "symbols.json"
    symbols.write_text(json.dumps(SYMBOLS))
    for seed, symbol in enumerate(("BTCUSDT", "ETHUSDT")):
        publish(tiny_model(symbol, seed=seed, features="per_coin_v2"), tmp_path / "models")
    return load(
        {
            "device": "cpu",
            "models_dir": tmp_path / "models",
            "symbols_file": symbols,
            "database_url": f"sqlite:///{tmp_path / 'engine.db'}",
        }
    )


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with candles only."""
    path = tmp_path_factory.mktemp("candles") / "engine.db"
    database = Database.open(f"sqlite:///{path}")
    market = GeneratedMarket(SYMBOLS, M15.ms, seed=3)
    first_ms = START - 6_200 * M15.ms
    SqlCandleArchive(database, M15).add(
        {symbol: list(starmap(Candle, market.candles(symbol, first_ms, END))) for symbol in SYMBOLS}
    )
    database.close()
    return path


@pytest.fixture
def database(settings: Settings, source: Path) -> Iterator[Database]:
    """Candles, and the log that the engine made from them."""
    shutil.copy(source, settings.database_url.removeprefix("sqlite:///"))
    opened = Database.open(settings.database_url)
    SqlPredictionStore(opened, M15).first_bar(START)
    archive = SqlCandleArchive(opened, M15)
    replay_into(settings, SYMBOLS, archive, opened, since_ms=START, until_ms=END)
    yield opened
    opened.close()


def changed(database: Database, statement: str) -> None:
    with database.writing() as connection:
        connection.execute(text(statement))


def test_an_unchanged_log_verifies_as_long_as_its_models_are_there(
    settings: Settings, database: Database
) -> None:
    done, lost = verify(settings, database, None, None)
    assert (done.lines, done.models) == (3 * BARS, 2 * BARS)
    assert (done.differences, lost) == ([], [])
    publish(tiny_model("BTCUSDT", seed=77, features="per_coin_v2"), settings.models_dir)
    done, lost = verify(settings, database, END - 4 * M15.ms, None)
    assert (done.lines, done.models) == (15, 10)
    assert (done.differences, lost) == ([], [])
    version = tiny_model("ETHUSDT", seed=1, features="per_coin_v2").version
    shutil.rmtree(versions.store(folder_of(settings.models_dir, "ETHUSDT", "15m")))
    done, lost = verify(settings, database, None, None)
    assert lost == [f"ETHUSDT {version}"]
    assert {each.id.split(":")[0] for each in done.differences} == {"ETHUSDT"}


@pytest.mark.slow
async def test_coins_that_join_leave_and_return_are_replayed_when_they_were_there(
    tmp_path: Path,
) -> None:
    """One joins late, one leaves for longer than the lag of the record, one leaves for good."""
    symbols = ("BTCUSDT", "ETHUSDT", "SOLUSDT", "XRPUSDT")
    there = {"BTCUSDT": [(0, 120)], "ETHUSDT": [(0, 60)], "SOLUSDT": [(0, 20), (70, 120)]}
    there |= {"XRPUSDT": [(45, 120)]}
    file = tmp_path / "symbols.json"
    settings = load(
        {
            "use_ml": False,
            "engine": {"record_bars": 60, "record_lag_bars": 24},
            "symbols_file": file,
            "database_url": f"sqlite:///{tmp_path / 'engine.db'}",
        }
    )
    truth, clock = true_candles(symbols, 6_200, 130), ReplayClock()
    with closing(Database.open(settings.database_url)) as database:
        engaged: list[str] = []
        for bar in range(121):
            until_ms = FIRST_MS + bar * M15.ms
            clock.set(M15.close_of(until_ms) + 1_000)
            now = [s for s in symbols if any(a <= bar <= b for a, b in there[s])]
            if now != engaged:  # the symbols file was changed, and the engine started again
                engaged = now
                parts = (settings, tuple(now), clock, database)
                feed = Feed({s: truth[s] for s in now}, clock, honest)
                catch_up = build_catch_up(*parts, feed=feed, timer=lambda: 0.0)
                catch_up.recover(until_ms)
            assert not (await catch_up.to(until_ms)).owed
        file.write_text(json.dumps(engaged))
        done, _ = verify(settings, database, None, None)
        assert done.lines == (120 + 60) * 3 + 120
        assert done.differences == []
        changed(database, f"DELETE FROM predictions WHERE id = 'SOLUSDT:15m:{until_ms}'")
        done, _ = verify(settings, database, None, None)
        assert {each.id.split(":")[0] for each in done.differences} == {"SOLUSDT"}


def test_changed_and_deleted_rows_and_changed_candles_are_reported(
    settings: Settings, database: Database, run: Run
) -> None:
    arguments = [
        *("replay", "--verify", "--database_url", settings.database_url, "--device", "cpu"),
        *("--models_dir", str(settings.models_dir), "--symbols_file", str(settings.symbols_file)),
    ]
    code, printed = run(*arguments)
    assert code == 0
    assert f"{3 * BARS} predictions recomputed" in printed
    for statement in (
        f"UPDATE predictions SET p_long = p_long + 0.001 WHERE id = 'ETHUSDT:15m:{START}'",
        f"UPDATE predictions SET pred = 'LONG' WHERE id = 'SOLUSDT:15m:{START}'",
        f"UPDATE outcomes SET return_bps = 5 WHERE prediction_id = 'BTCUSDT:15m:{START}'",
        f"DELETE FROM predictions WHERE id = 'SOLUSDT:15m:{END}'",
        f"UPDATE candles SET high = 1e9 WHERE symbol = 'ETHUSDT' AND open_ms = {END - M15.ms}",
    ):
        changed(database, statement)
    done, _ = verify(settings, database, None, None)
    differences = {(each.id, each.field) for each in done.differences}
    changed_rows = {
        (f"ETHUSDT:15m:{START}", "p_long"),
        (f"SOLUSDT:15m:{START}", "pred"),
        (f"BTCUSDT:15m:{START}", "return_bps"),
        (f"SOLUSDT:15m:{END}", "line"),
    }
    assert changed_rows < differences
    assert {line.split(":")[0] for line, _ in differences - changed_rows} == {"ETHUSDT"}
    changed(database, "UPDATE predictions SET entry = 1 WHERE symbol = 'SOLUSDT'")
    code, printed = run(*arguments)
    assert code == 1
    assert f"SOLUSDT:15m:{END - M15.ms}  entry: logged 1.0, recomputed" in printed
    assert re.search(r"and \d+ more", printed)


def test_an_empty_log_is_an_error(run: Run) -> None:
    code, printed = run("replay", "--verify", "--database_url", "sqlite://")
    assert code == 2
    assert "no predictions of 15m to verify" in printed
