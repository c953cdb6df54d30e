"""Accounts of a backtest are those of live paper trading on the same candles, fill for fill."""

import json
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from crypto_bot.adapters.store.candle_archive import EVER_MS
from crypto_bot.adapters.store.database import Database
from crypto_bot.adapters.store.paper_store import SqlPaperStore
from crypto_bot.adapters.store.prediction_store import SqlPredictionStore
from crypto_bot.app.backtests import stored_past
from crypto_bot.app.settings import Settings, load
from crypto_bot.app.symbols import load_symbols
from crypto_bot.app.wiring import column_engine
from crypto_bot.backtesting.backtest import Backtest
from crypto_bot.domain.ledger import Kind
from crypto_bot.domain.quote import Funding
from tests.conftest import Start
from tests.domain.paper_accounts import D

BARS, COINS = 500, ("BTCUSDT", "ETHUSDT", "SOLUSDT", "DOTUSDT")
CONFIG = f"""
use_ml = false
symbols_file = "coins.json"
database_url = "sqlite:///engine.db"
[engine]
record_bars = {BARS}
analyzer_threshold = 0.2
[exchange]
id = "sim"
[sim]
start = "2025-11-03T00:00"
[paper]
fills = "candles"
[[paper.accounts]]
name = "spot"
late = false
[[paper.accounts]]
name = "perp"
market = "perp"
late = false
risk = 0.02
"""


@pytest.fixture
def settings(tmp_path: Path, daemon: Start, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Of an engine that has traded 2,000 candles of the simulated exchange on paper."""
    (tmp_path / "coins.json").write_text(json.dumps(COINS))
    (tmp_path / "crypto_bot.toml").write_text(CONFIG)
    engine = daemon("--once", "--symbols_file", "coins.json")
    assert engine.ended() == 0, engine.lines[-5:]
    monkeypatch.chdir(tmp_path)
    return load({})


@pytest.mark.slow
def test_a_backtest_trades_as_the_live_accounts_did(settings: Settings) -> None:
    timeframe, symbols = settings.timeframe, load_symbols(settings.symbols_file)
    with closing(Database.open(settings.database_url, settings.engine_key)) as database:
        first_ms = SqlPredictionStore(database, timeframe).first_bar(0)
        past = stored_past(settings, symbols, database, (first_ms, EVER_MS))
        live = SqlPaperStore(database, timeframe)
        names = [plan.name for plan in settings.paper.plans()]
        events = {name: list(live.events(name)) for name in names}
        points = {name: live.points(name)[-1] for name in names}
        refused = {name: live.refused(name) for name in names}
    assert set(past.instruments) == set(COINS)
    done = Backtest.run(column_engine(settings), past, first_ms)
    assert done.candles >= BARS * len(COINS)
    ledgers = done.ledgers(settings.paper.plans())
    for name in names:
        assert ledgers.events[name] == events[name]
        assert dict(ledgers.refused[name]) == refused[name]
        assert sum(event.kind is Kind.OPEN for event in events[name]) > 10
    assert [trader.curve.points[-1] for trader in ledgers.traders] == list(points.values())
    late = done.ledgers(settings.paper.plans(), late_bars=1)
    assert late.events["perp"] != events["perp"]

    due = [event for event in events["perp"] if event.kind is Kind.FUNDING]
    known = [Funding(str(each.symbol), each.at_ms, D("0.0007")) for each in due]
    paid = replace(done, past=replace(past, fundings=known)).ledgers(settings.paper.plans())
    rates = {each.price for each in paid.events["perp"] if each.kind is Kind.FUNDING}
    assert rates == {D("0.0007")}
