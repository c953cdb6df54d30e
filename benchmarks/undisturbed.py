"""What a disturbed engine has stored, beside an undisturbed run over the same candles."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from itertools import starmap
from pathlib import Path

from benchmarks.disturbed_engines import ACCOUNTS, M15, RECORD_BARS, RECORD_LAG_BARS, SEED, Engines
from crypto_bot.adapters.store.candle_archive import EVER_MS, SqlCandleArchive
from crypto_bot.adapters.store.database import Database
from crypto_bot.adapters.store.paper_store import SqlPaperStore
from crypto_bot.adapters.store.queries import SqlPredictionQueries
from crypto_bot.app.commands.backtest import replay_into
from crypto_bot.app.paper import trading
from crypto_bot.app.settings import Settings, load
from crypto_bot.backtesting.verification import compare, pages
from crypto_bot.domain.candle import Candle
from crypto_bot.domain.ledger import Account, Event, apply
from crypto_bot.domain.paper import Market
from crypto_bot.domain.quote import Instrument
from simulated_exchange.generated import GeneratedMarket


@dataclass(slots=True)
class Stored:
    """What was stored, and what is wrong with it."""

    candles: int = 0
    """Since the first prediction; there is one prediction for each."""
    revised: int = 0
    events: dict[str, int] = field(default_factory=dict)
    trades: dict[str, int] = field(default_factory=dict)
    refusals: dict[str, int] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)
    """Lost or doubled predictions, wrong candles, differences; must be empty."""


def compared(folder: Path, engines: Engines) -> Stored:
    """The store of `engines`, brought up to date by a restart, with an undisturbed one."""
    settings = made_settings()
    key = settings.engine_key
    with (
        closing(Database.open(f"sqlite:///{engines.file}", key)) as disturbed,
        closing(Database.open(f"sqlite:///{folder / 'undisturbed.db'}", key)) as undisturbed,
    ):
        stored = Stored()
        span = first_ms, last_ms = _count(engines, stored)
        _copy_candles(disturbed, undisturbed, engines, stored)
        _advance(settings, engines.symbols, disturbed)
        archive = SqlCandleArchive(undisturbed, M15)
        parts = (settings, engines.symbols, archive, undisturbed)
        replay_into(*parts, since_ms=first_ms, until_ms=last_ms)
        _advance(settings, engines.symbols, undisturbed)
        queries, again = (SqlPredictionQueries(each, M15) for each in (disturbed, undisturbed))
        done = compare(pages(queries, *span), pages(again, *span))
        stored.wrong += map(str, done.differences)
        for account in ACCOUNTS:
            _compare_ledgers(str(account["name"]), disturbed, undisturbed, stored)
    return stored


def made_settings() -> Settings:
    """The settings of the disturbed engines."""
    return load(
        {
            "use_ml": False,
            "exchange": {"id": "binance"},
            "engine": {"record_bars": RECORD_BARS, "record_lag_bars": RECORD_LAG_BARS},
            "paper": {"fills": "candles", "accounts": ACCOUNTS},
        }
    )


def _count(engines: Engines, stored: Stored) -> tuple[int, int]:
    """First and last candle with a prediction; notes what is lost, doubled or too early."""
    with closing(sqlite3.connect(engines.file)) as connection:
        made = connection.execute("SELECT symbol, candle_open_ms, created_ms FROM predictions")
        rows = made.fetchall()
    span = range(min(row[1] for row in rows), max(row[1] for row in rows) + 1, M15.ms)
    times = Counter((symbol, open_ms) for symbol, open_ms, _ in rows)
    expected = {(symbol, open_ms) for symbol in engines.symbols for open_ms in span}
    expected -= engines.gaps
    stored.candles = len(expected)
    stored.wrong += [f"lost {each}" for each in expected - set(times)]
    stored.wrong += [f"without a candle {each}" for each in set(times) - expected]
    stored.wrong += [f"doubled {each}" for each, count in times.items() if count > 1]
    early = [row for row in rows if row[2] < M15.close_of(row[1])]
    stored.wrong += [f"before its close {each}" for each in early]
    return span[0], span[-1]


def _copy_candles(
    disturbed: Database, undisturbed: Database, engines: Engines, stored: Stored
) -> None:
    """The candles as the signals were made of them; what is stored now is what the market had."""
    ours, theirs = (SqlCandleArchive(each, M15) for each in (disturbed, undisturbed))
    market = GeneratedMarket(engines.symbols, M15.ms, SEED)
    gaps = ours.gaps(0)
    unlike = engines.gaps.symmetric_difference((gap.symbol, gap.open_ms) for gap in gaps)
    stored.wrong += [f"gap {each}" for each in unlike]
    for symbol in engines.symbols:
        first, now = (ours.read(symbol, 0, EVER_MS, revised=each) for each in (False, True))
        true = starmap(Candle, market.candles(symbol, now[0].open_ms, now[-1].open_ms))
        expected = [each for each in true if (symbol, each.open_ms) not in engines.gaps]
        different = set(now) ^ set(expected)
        stored.wrong += [f"{symbol} {each}" for each in sorted(different)]
        stored.revised += sum(a != b for a, b in zip(first, now, strict=True))
        theirs.add({symbol: first})
    theirs.add({}, gaps)


def _advance(settings: Settings, symbols: Sequence[str], database: Database) -> None:
    """Recovers and runs the paper accounts as a start of the engine does."""
    paper = trading(settings, symbols, database, lambda: 0)
    paper.recover(at_open=True, instruments=_instruments(symbols))
    paper.advance()


def _instruments(symbols: Sequence[str]) -> dict[str, Instrument]:
    """The instruments of the simulated exchange, with numbers as the exchange writes them."""
    market = GeneratedMarket(symbols, M15.ms, SEED)
    found = {}
    for symbol in symbols:
        tick, lot = (Decimal(str(10.0**-decimals)) for decimals in market.listing(symbol))
        found[symbol] = Instrument(symbol, tick, lot, lot, Decimal(5))
    return found


def _compare_ledgers(name: str, disturbed: Database, undisturbed: Database, stored: Stored) -> None:
    rough, still = SqlPaperStore(disturbed, M15), SqlPaperStore(undisturbed, M15)
    events = list(rough.events(name))
    stored.events[name] = len(events)
    stored.trades[name] = _balanced(name, events)
    refused = sorted(rough.refused(name).items())
    stored.refusals |= {f"{name}.{rule}": count for rule, count in refused}
    pairs = (
        (events, list(still.events(name))),
        (rough.points(name), still.points(name)),
        (rough.refusals(name, 10**9), still.refusals(name, 10**9)),
    )
    for ours, theirs in pairs:
        if ours != theirs:
            unlike = ((a, b) for a, b in zip(ours, theirs, strict=False) if a != b)
            stored.wrong.append(f"{name}: {next(unlike, (len(ours), len(theirs)))}")


def _balanced(name: str, events: list[Event]) -> int:
    """The closed trades; the ledger must balance exactly, with unique event ids."""
    market = next(str(account["market"]) for account in ACCOUNTS if account["name"] == name)
    account, money, trades = Account(name, Market(market)), Fraction(0), 0
    for event in events:
        account, ended = apply(account, event)
        money += Fraction(event.cash)
        trades += ended is not None
        assert Fraction(account.cash) == money, event
    repeated = [id_ for id_, count in Counter(event.id for event in events).items() if count > 1]
    assert repeated == []
    return trades
