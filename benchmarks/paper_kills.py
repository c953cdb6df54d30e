"""SIGKILLs a running engine repeatedly, and compares its store with that of an undisturbed one.

`python -m benchmarks.paper_kills --kills 200`: the engine trades on the simulated exchange, whose
time continues while it is dead, with every fault and two outages; the undisturbed predictions,
outcomes and ledgers are computed from the same candles.
"""

from __future__ import annotations

import argparse
import random
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from itertools import starmap
from pathlib import Path

from benchmarks.killed_engines import (
    ACCOUNTS,
    FAULT_RATE,
    RECORD_BARS,
    SEED,
    SYMBOLS,
    Engines,
    Starts,
)
from crypto_bot.adapters.store.candle_archive import SqlCandleArchive
from crypto_bot.adapters.store.database import Database
from crypto_bot.adapters.store.paper_store import SqlPaperStore
from crypto_bot.adapters.store.prediction_store import SqlPredictionStore
from crypto_bot.adapters.store.queries import SqlPredictionQueries
from crypto_bot.app.commands.backtest import replay_into
from crypto_bot.app.paper import trading
from crypto_bot.app.settings import Settings, load
from crypto_bot.domain.candle import Candle
from crypto_bot.domain.ledger import Account, Event, apply
from crypto_bot.domain.log import LogFilter
from crypto_bot.domain.outcome import Outcome
from crypto_bot.domain.paper import Market
from crypto_bot.domain.quote import Instrument
from crypto_bot.domain.signal import Signal
from crypto_bot.domain.timeframe import Timeframe
from simulated_exchange.generated import GeneratedMarket
from tests.e2e.processes import Process

M15 = Timeframe.parse("15m")
MOMENTS = ("start", "cycle", "trade", "cycle")
"""After what an engine is killed, in turn."""
HISTORY_BARS = 6_100


@dataclass(slots=True)
class Figures:
    """The results."""

    kills: int
    bars: int
    seconds: float
    faults: dict[str, int]
    """Injected by the exchange, by kind."""
    predictions: int = 0
    events: dict[str, int] = field(default_factory=dict)
    trades: dict[str, int] = field(default_factory=dict)
    refusals: dict[str, int] = field(default_factory=dict)
    different: dict[str, str] = field(default_factory=dict)
    """The first difference of each account, and of the predictions; must be empty."""


def kill_again_and_again(folder: Path, starts: Starts, kills: int, seed: int = SEED) -> Figures:
    """Kills engines at the start, in a cycle and after a refused trade, in turn."""
    rng = random.Random(seed)  # noqa: S311 - moments to kill at, not secrets
    began = time.monotonic()
    engines = Engines(folder, starts)
    engines.now.event("cycle.finished")
    engines.faults(FAULT_RATE)
    for kill in range(kills):
        if kill in {kills // 3, 2 * kills // 3}:
            engines.outage()
        moment = MOMENTS[kill % len(MOMENTS)]
        if moment != "start":
            engines.now.event("cycle.finished")
        if moment == "trade":
            engines.now.event("paper.refused")
        time.sleep(rng.uniform(0.0, 0.6 if moment == "cycle" else 0.05))
        engines.kill()
    faults = engines.end()
    figures = Figures(kills, 0, time.monotonic() - began, faults)
    compare(engines.url, figures)
    return figures


def compare(url: str, figures: Figures) -> None:
    """The store at `url`, its accounts brought up to date by a restart, with an undisturbed one."""
    settings = made_settings()
    database, undisturbed = (
        Database.open(each, settings.engine_key) for each in (url, "sqlite://")
    )
    try:
        advance(settings, database)
        (last_ms,) = set(SqlPredictionStore(database, M15).newest_opens().values())
        ours = predictions(database)
        first_ms = min(signal.candle_open_ms for signal, _ in ours)
        figures.bars = (last_ms - first_ms) // M15.ms + 1
        figures.predictions = len(ours)
        assert figures.predictions == figures.bars * len(SYMBOLS), "lost or doubled"
        assert SqlCandleArchive(database, M15).gaps(0) == []
        replay(undisturbed, first_ms, last_ms)
        pairs = zip(ours, predictions(undisturbed), strict=True)
        unlike = [f"{a} is not {b}" for a, b in pairs if a != b]
        if unlike:
            figures.different["predictions"] = unlike[0]
        for account in ACCOUNTS:
            _compare(str(account["name"]), database, undisturbed, figures)
    finally:
        database.close()
        undisturbed.close()


def made_settings() -> Settings:
    """The settings of the engines that are killed."""
    return load(
        {
            "use_ml": False,
            "exchange": {"id": "sim"},
            "engine": {"record_bars": RECORD_BARS},
            "paper": {"fills": "candles", "accounts": ACCOUNTS},
        }
    )


def predictions(database: Database) -> list[tuple[Signal, Outcome | None]]:
    """All signals with their outcomes, without the time at which they were made."""
    log = SqlPredictionQueries(database, M15).log_page(LogFilter(), None, 10**9)
    return [(line.stored.signal, line.outcome) for line in log]


def advance(settings: Settings, database: Database) -> None:
    """Recovers and runs the paper accounts as a start of the engine does."""
    paper = trading(settings, SYMBOLS, database, lambda: 0)
    paper.recover(at_open=True, instruments=instruments())
    paper.advance()


def replay(undisturbed: Database, first_ms: int, last_ms: int) -> None:
    """The same candles through signals and accounts, without processes or network."""
    market = GeneratedMarket(SYMBOLS, M15.ms, SEED)
    settings = made_settings()
    archive = SqlCandleArchive(undisturbed, M15)
    history_ms = first_ms - HISTORY_BARS * M15.ms
    archive.add(
        {
            symbol: list(starmap(Candle, market.candles(symbol, history_ms, last_ms)))
            for symbol in SYMBOLS
        }
    )
    replay_into(settings, SYMBOLS, archive, undisturbed, since_ms=first_ms, until_ms=last_ms)
    advance(settings, undisturbed)


def instruments() -> dict[str, Instrument]:
    """The instruments of the simulated exchange."""
    market = GeneratedMarket(SYMBOLS, M15.ms, SEED)
    found = {}
    for symbol in SYMBOLS:
        price_decimals, lot_decimals = market.listing(symbol)
        lot = Decimal(1).scaleb(-lot_decimals)
        tick = Decimal(1).scaleb(-price_decimals)
        found[symbol] = Instrument(symbol, tick, lot, lot, Decimal(5))
    return found


def _compare(name: str, database: Database, undisturbed: Database, figures: Figures) -> None:
    rough, still = SqlPaperStore(database, M15), SqlPaperStore(undisturbed, M15)
    events = list(rough.events(name))
    figures.events[name] = len(events)
    figures.trades[name] = _balanced(name, events)
    figures.refusals |= {
        f"{name}.{rule}": count for rule, count in sorted(rough.refused(name).items())
    }
    pairs = (
        (events, list(still.events(name))),
        (rough.points(name), still.points(name)),
        (rough.refusals(name, 10**9), still.refusals(name, 10**9)),
    )
    for ours, theirs in pairs:
        if ours != theirs:
            unlike = ((a, b) for a, b in zip(ours, theirs, strict=False) if a != b)
            figures.different[name] = str(next(unlike, (len(ours), len(theirs))))
            return


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


def main() -> None:
    """Prints the figures; exits with 1 if a ledger differs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=SEED)
    flags = parser.parse_args()
    running: list[Process] = []
    with tempfile.TemporaryDirectory() as folder:

        def starts(words: list[str], environment: dict[str, str]) -> Process:
            running.append(Process(words, environment, Path(folder)))
            return running[-1]

        try:
            figures = kill_again_and_again(Path(folder), starts, flags.kills, flags.seed)
        finally:
            for process in running:
                process.kill()
    print(figures)
    if figures.different:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
