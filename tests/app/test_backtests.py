"""Accounts of a backtest are those of live paper trading on the same candles, fill for fill."""

import csv
import json
import re
from collections import Counter
from contextlib import closing
from dataclasses import replace
from itertools import starmap
from math import prod
from pathlib import Path

import pytest

from crypto_bot.adapters.store.candle_archive import EVER_MS, SqlCandleArchive
from crypto_bot.adapters.store.candle_files import write_candles
from crypto_bot.adapters.store.database import Database
from crypto_bot.adapters.store.paper_store import SqlPaperStore
from crypto_bot.adapters.store.prediction_store import SqlPredictionStore
from crypto_bot.app.backtests import past_in_files, stored_past
from crypto_bot.app.settings import Settings, load
from crypto_bot.app.symbols import load_symbols
from crypto_bot.app.wiring import column_engine
from crypto_bot.backtesting.backtest import Backtest
from crypto_bot.backtesting.kept import KeptBacktests
from crypto_bot.domain.candle import Candle, nothing_inside
from crypto_bot.domain.ledger import Event, Kind
from crypto_bot.domain.quote import Funding
from crypto_bot.domain.signal import Pred
from crypto_bot.domain.timeframe import Timeframe
from crypto_bot.market_data.candle_table import candle_table
from crypto_bot.market_data.whole_bars import whole_bars
from simulated_exchange.generated import GeneratedMarket
from tests.app.conftest import Run
from tests.conftest import Start
from tests.domain.paper_accounts import D

M15 = Timeframe.parse("15m")
SINCE_MS, MADE = 1_760_000_400_000, ("BTCUSDT", "ETHUSDT", "SOLUSDT")
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
def test_a_backtest_trades_as_the_live_accounts_did(settings: Settings, run: Run) -> None:
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
        assert Counter(ledgers.refused[name].values()) == refused[name]
        assert sum(event.kind is Kind.OPEN for event in events[name]) > 10
    assert [trader.curve.points[-1] for trader in ledgers.traders] == list(points.values())
    code, printed = run("backtest", "--beside", "live")
    assert code == 0, printed
    for name in names:
        fills = sum(event.kind in {Kind.OPEN, Kind.CLOSE} for event in events[name])
        assert f"{name} beside live: {fills} fills equal, 0 not" in printed
    late = done.ledgers(settings.paper.plans(), late_bars=1)
    assert late.events["perp"] != events["perp"]

    due = [event for event in events["perp"] if event.kind is Kind.FUNDING]
    known = [Funding(str(each.symbol), each.at_ms, D("0.0007")) for each in due]
    paid = replace(done, past=replace(past, fundings=known)).ledgers(settings.paper.plans())
    rates = {each.price for each in paid.events["perp"] if each.kind is Kind.FUNDING}
    assert rates == {D("0.0007")}


@pytest.fixture
def candles(empty_folder: Path, run: Run) -> Path:
    """A folder with a database of made candles of three coins, and its settings.

    The last coin is listed a day after the start.
    """
    del empty_folder
    market = GeneratedMarket(MADE, M15.ms, seed=5)
    last_ms = SINCE_MS + 1_400 * M15.ms
    held = {
        symbol: list(starmap(Candle, market.candles(symbol, SINCE_MS + bars * M15.ms, last_ms)))
        for symbol, bars in zip(MADE, (-700, -700, 96), strict=True)
    }
    with closing(Database.open("sqlite:///engine.db")) as database:
        SqlCandleArchive(database, M15).add(held)
    Path("coins.json").write_text(json.dumps(MADE))
    Path("crypto_bot.toml").write_text(
        'use_ml = false\nsymbols_file = "coins.json"\ndatabase_url = "sqlite:///engine.db"\n'
        "[engine]\nanalyzer_threshold = 0.2\n"
    )
    return Path()


def test_the_files_of_a_backtest_agree_with_its_ledger(candles: Path, run: Run) -> None:
    words = ("backtest", "--since", "2025-10-09T09:00", "--json", "b.json", "--csv", "b.csv")
    code, printed = run(*words, "--report", "b.html", "--png", "b.png")
    assert code == 0, printed
    assert (candles / "b.png").read_bytes().startswith(b"\x89PNG")
    held = json.loads((candles / "b.json").read_text())
    assert {"sentence", "accounts", "buy_and_hold", "episodes"} <= set(held)
    assert held["sentence"] in " ".join(printed.split())
    with (candles / "b.csv").open() as file:
        trades = list(csv.DictReader(file))
    page = (candles / "b.html").read_text()
    assert not re.findall(r"(?:src|href)=\"(?!data:)[^\"]*\"|https?://", page)
    for account in held["accounts"]:
        own = [each for each in trades if each["account"] == account["name"]]
        assert len(own) == account["trades"] > 10
        net = sum(float(each["net"]) for each in own)
        assert net == pytest.approx(account["return_pct"] * 100.0, rel=0.02, abs=30.0)
        grown = prod(1.0 + month[0] / 100.0 for month in account["months_pct"].values())
        assert 100.0 * (grown - 1.0) == pytest.approx(account["return_pct"], abs=1e-3)
        at = account["net_at_cost_bps"]
        assert at["4"] > at["10"] > at["20"]
        slope = (at["4"] - at["20"]) / 16.0
        assert at["4"] - slope * (account["break_even_cost_bps"] - 4.0) == pytest.approx(0.0, abs=1)
        assert account["max_drawdown_pct"] >= account["shuffled_drawdown_pct"]["median"] * 0.2
        assert all(float(e["mae_bps"]) <= float(e["mfe_bps"]) for e in own)
        assert account["trials"] == 2
        assert account["days_pct"][-1][2] == held["buy_and_hold"]["equal_parts_pct"]
        assert f"Account {account['name']}" in page
    run(*words, "--until", "2025-10-20")
    with Path("crypto_bot.toml").open("a") as file:
        file.write('[[paper.accounts]]\nname = "perp"\nmarket = "perp"\nrisk = 0.02\n')
    run(*words)
    (account,) = json.loads((candles / "b.json").read_text())["accounts"]
    assert account["trials"] == 3
    (candles / "a.json").write_text(json.dumps({**held, "sentence": "An earlier one."}))
    _, printed = run(*words, "--beside", "a.json", "--beside", "b.json", "--report", "b.html")
    page = (candles / "b.html").read_text()
    assert page.count("An earlier one.") == printed.count("An earlier one.") == 1
    assert page.count('class="curve c2"') == 4, "a key and a line of the third, of each account"
    ids = {each.id for each in KeptBacktests(candles / "backtests").newest()}
    assert len(ids) == 4, "every run is kept"
    assert f"{held['accounts'][1]['return_pct']:.2f}".lstrip("-") in printed


NARROW = {
    "name": "perp",
    "market": "perp",
    "stop_atr": 0.5,
    "targets_atr": [0.5, 1.0, 1.5],
    "trail_atr": 0,
    "within_costs": False,
    "daily_loss": 0,
    "drawdown": 0,
}


def first_exits(events: list[Event]) -> list[tuple[Event, Event]]:
    """Each entry with the first exit after it that a level made."""
    opened = {each.prediction_id: each for each in events if each.kind is Kind.OPEN}
    found = []
    for each in events:
        if each.kind is Kind.CLOSE and each.prediction_id in opened:
            entry = opened.pop(each.prediction_id)
            if each.reason in {"SL", "TP1"}:
                found.append((entry, each))
    return found


def first_of_minutes(entry: Event, minutes: list[Candle]) -> str:
    """Which level is reached first, in one minute the stop."""
    terms, sign = entry.terms, 1 if entry.side is Pred.LONG else -1
    assert terms is not None
    for each in minutes:
        if each.open_ms >= entry.at_ms:
            best, worst = (each.high, each.low)[::sign]
            if sign * (worst - float(terms.stop)) <= 0.0:
                return "SL"
            if sign * (best - float(terms.targets[0].price)) >= 0.0:
                return "TP1"
    raise AssertionError(entry)


def test_minutes_decide_what_came_first_in_a_bar(tmp_path: Path) -> None:
    """From the database and from files; without them the stop comes first."""
    minute = Timeframe.parse("1m")
    market = GeneratedMarket(MADE, minute.ms, seed=5)
    since_ms, span_ms = SINCE_MS - 700 * M15.ms, (SINCE_MS, SINCE_MS + 500 * M15.ms - 1)
    made = {s: list(starmap(Candle, market.candles(s, since_ms, span_ms[1]))) for s in MADE}
    settings = load(
        {
            "use_ml": False,
            "database_url": f"sqlite:///{tmp_path / 'engine.db'}",
            "engine": {"analyzer_threshold": 0.2},
            "paper": {"accounts": [NARROW]},
        }
    )
    files = tmp_path / "files"
    (files / "1m").mkdir(parents=True)
    with closing(Database.open(settings.database_url, settings.engine_key)) as database:
        SqlCandleArchive(database, minute).add(made)
        for symbol, each in made.items():
            bars = whole_bars(candle_table(each), minute, M15).between(0, span_ms[1])
            SqlCandleArchive(database, M15).add({symbol: bars})
            write_candles(files / f"{symbol}.parquet", bars)
            write_candles(files / "1m" / f"{symbol}.parquet", each)
        stored = stored_past(settings, MADE, database, span_ms)
        read = past_in_files(settings, MADE, database, files, span_ms)
        done = Backtest.run(column_engine(settings), stored, SINCE_MS)
        events, from_files, without = (
            replace(done, past=past).ledgers(settings.paper.plans()).events["perp"]
            for past in (stored, read, replace(stored, inside=nothing_inside))
        )
    assert events == from_files
    wrong = [
        last.reason != first_of_minutes(entry, made[str(entry.symbol)])
        for entry, last in first_exits(without)
    ]
    assert sum(wrong) > 2
    for entry, last in first_exits(events):
        assert last.reason == first_of_minutes(entry, made[str(entry.symbol)])
