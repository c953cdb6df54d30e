"""The demo: its files are whole, and its past is what a replay and its accounts make of them."""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from crypto_bot.adapters.store.call_files import read_calls
from crypto_bot.adapters.store.candle_files import CandleColumns, read_candles
from crypto_bot.adapters.store.database import Database
from crypto_bot.adapters.store.paper_store import SqlPaperStore
from crypto_bot.adapters.store.queries import SqlPredictionQueries
from crypto_bot.app.commands.demo import demo_settings
from crypto_bot.app.commands.replay import verify
from crypto_bot.app.demo import CALLS, CANDLES, HISTORY_MS, SINCE_MS, START_MS, UNTIL_MS, Settling
from crypto_bot.app.past import Past, Settle
from crypto_bot.app.settings import Settings
from crypto_bot.app.shipped import shipped
from crypto_bot.app.symbols import load_symbols
from crypto_bot.backtesting.verification import pages
from crypto_bot.domain.errors import ConfigError
from crypto_bot.domain.instant import DAY_MS
from crypto_bot.domain.signal import Source
from tests.app.settlers import settle
from tests.real_data import real_folder

COINS = ("BTCUSDT", "ETHUSDT")
STEP_MS = 900_000
DAYS = 2


@pytest.fixture(scope="module")
def settings() -> Settings:
    return demo_settings([])


def columns_of(symbol: str) -> CandleColumns:
    return read_candles(shipped(CANDLES) / f"{symbol}.parquet")


def test_every_coin_has_every_candle(settings: Settings) -> None:
    wanted = np.arange(HISTORY_MS, UNTIL_MS, STEP_MS)
    for symbol in load_symbols(settings.symbols_file):
        columns = columns_of(symbol)
        assert np.array_equal(columns.open_ms, wanted), symbol
        assert columns.are_sound(settings.timeframe), symbol


@pytest.mark.parametrize("symbol", ["BTCUSDT", "POLUSDT", "VETUSDT"])
def test_the_candles_are_the_real_ones_to_the_bit(symbol: str) -> None:
    real = read_candles(real_folder("candles_15m") / f"{symbol}.parquet")
    kept = np.flatnonzero((real.open_ms >= HISTORY_MS) & (real.open_ms < UNTIL_MS))
    shown = columns_of(symbol)
    for name, found, expected in zip(real._fields[:-1], shown, real.at(kept), strict=False):
        assert np.array_equal(found, expected), name
    assert np.allclose(shown.volume, real.at(kept).volume, rtol=1e-15), "sums without their noise"


@pytest.fixture(scope="module")
def settled(tmp_path_factory: pytest.TempPathFactory) -> tuple[Settings, Path, list[int]]:
    """The first days of two coins, by the model's stored calls."""
    folder = tmp_path_factory.mktemp("demo")
    settings = demo_settings([]).model_copy(
        update={"database_url": f"sqlite:///{folder / 'demo.db'}"}
    )
    counts = [0, 0]
    settling = Settling(settings, COINS, counts, until_ms=SINCE_MS + DAYS * DAY_MS)
    with closing(Database.open(settings.database_url, settings.engine_key)) as database:
        settling.into(database, folder / "kept.db")
    return settings, folder, counts


def test_the_past_has_a_signal_for_each_candle_none_of_them_late(
    settled: tuple[Settings, Path, list[int]],
) -> None:
    settings, folder, counts = settled
    assert counts == [len(COINS), len(COINS) * DAYS * 96]
    with closing(Database.open(f"sqlite:///{folder / 'kept.db'}", settings.engine_key)) as database:
        log = list(pages(SqlPredictionQueries(database, settings.timeframe), SINCE_MS, UNTIL_MS))
        assert len(log) == counts[1]
        assert {line.stored.signal.source for line in log} == {Source.ML_PER_COIN_V1}
        assert not any(line.stored.late for line in log)
        points = SqlPaperStore(database, settings.timeframe).points("spot")
    assert points[0].at_ms <= SINCE_MS + 2 * STEP_MS, "the account trades from the first signal on"
    assert points[-1].at_ms == SINCE_MS + DAYS * DAY_MS


def test_the_stored_calls_are_those_of_the_shipped_model(
    settled: tuple[Settings, Path, list[int]], settings: Settings
) -> None:
    """Where BTC leads, its calls do not depend on which other coins there are."""
    calls = read_calls(shipped(CALLS))
    symbols = load_symbols(settings.symbols_file)
    opens = range(SINCE_MS, START_MS, STEP_MS)
    assert calls.keys() == {(symbol, open_ms) for symbol in symbols for open_ms in opens}
    meta = json.loads((shipped(settings.models_dir) / "pool/15m/meta.json").read_text("utf-8"))
    assert {call.model_version for call in calls.values()} == {f"pool:{meta['version']}"}
    made, _, _ = settled
    with closing(Database.open(made.database_url, made.engine_key)) as database:
        two = made.model_copy(update={"symbols_file": _named(database, COINS)})
        done, lost = verify(two, database, None, None)
    assert (done.models, done.differences, lost) == (len(COINS) * DAYS * 96, [], [])


def _named(database: Database, symbols: tuple[str, ...]) -> Path:
    path = Path(database.name.removeprefix("sqlite:///")).with_name("coins.json")
    path.write_text(json.dumps(symbols))
    return path


def replay(settle: Settle | None, *argv: str) -> Past:
    return Past(
        settle, argv, coins=32, bars=96, until_ms=START_MS, badge="replay", about="of files"
    )


@pytest.mark.parametrize("code", [0, 3])
def test_a_process_settles_the_past_and_its_failure_is_one_line(code: int) -> None:
    past = replay(settle, "32", "640", str(code))
    if code == 0:
        past.wait()
    else:
        with pytest.raises(ConfigError, match=r"exit code 3"):
            past.wait()
    found = past.loading()
    assert found is not None
    assert found.words.startswith("history 32 of 32, record 20 of 96")
    past.stop()


def test_a_past_that_is_settled_already_is_not_waited_for() -> None:
    past = replay(None)
    past.wait()
    past.stop()
    assert past.loading() is None
