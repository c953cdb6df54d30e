"""SIGKILLs a running engine repeatedly, and compares its store with that of an undisturbed one.

`python -m benchmarks.paper_kills --kills 200`: the engine trades on the simulated exchange, whose
time continues while it is dead, with every fault and two outages; the undisturbed predictions,
outcomes and ledgers are computed from the same candles.
"""

from __future__ import annotations

import argparse
import json
import random
import signal
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from itertools import starmap
from pathlib import Path

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
from tests.e2e.processes import ROOT, Process, call

M15 = Timeframe.parse("15m")
SEED = 23
SPEED = 1800.0
FAULT_RATE = 0.05
FAULTS = 50
"""An engine runs on until it has met so many."""
MOMENTS = ("start", "cycle", "trade", "cycle")
"""After what an engine is killed, in turn."""
RECORD_BARS = 120
HISTORY_BARS = 6_100
SYMBOLS = ("BTCUSDT", "ETHUSDT", "SOLUSDT", "ATOMUSDT", "DOTUSDT", "OPUSDT", "LINKUSDT", "BCHUSDT")
ACCOUNTS = (
    {"name": "spot", "market": "spot", "late": False, "risk": 0.01, "drawdown": 0},
    {"name": "perp", "market": "perp", "late": False, "correlated_positions": 2, "drawdown": 0},
    {"name": "kelly", "market": "perp", "late": False, "sizing": "kelly", "max_positions": 0},
)

Starts = Callable[[list[str], dict[str, str]], Process]


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


class Engines:
    """Successive engines on the same database."""

    def __init__(self, folder: Path, starts: Starts) -> None:
        self.url = f"sqlite:///{folder / 'engine.db'}"
        self._starts = starts
        self._symbols = folder / "symbols.json"
        self._symbols.write_text(json.dumps(SYMBOLS))
        words = ["--speed", str(SPEED), "--seed", str(SEED), "--symbols_file", str(self._symbols)]
        self._exchange = starts(["-m", "simulated_exchange", *words], {})
        self._exchange_url = self._exchange.event("sim.ready")["url"]
        self.now = self.start()

    def start(self) -> Process:
        """Starts a new engine."""
        words = {
            "--exchange": "sim",
            "--exchange_url": self._exchange_url,
            "--use_ml": "0",
            "--port": "0",
            "--symbols_file": str(self._symbols),
            "--database_url": self.url,
        }
        environment = {
            "CRYPTO_BOT_ENGINE__RECORD_BARS": str(RECORD_BARS),
            "CRYPTO_BOT_EXCHANGE__TIMEOUT_S": "0.5",
            "CRYPTO_BOT_PAPER__FILLS": "candles",
            "CRYPTO_BOT_PAPER__ACCOUNTS": json.dumps(ACCOUNTS),
        }
        flags = [word for pair in words.items() for word in pair]
        return self._starts([str(ROOT / "main.py"), *flags], environment)

    def kill(self) -> None:
        """Kills the engine at any moment, and starts another."""
        self.now.signal(signal.SIGKILL)
        self.now.ended()
        self.now = self.start()

    def faults(self, rate: float) -> dict[str, int]:
        """Sets the share of replies with each fault; the number of faults so far, by kind."""
        _, state = call(f"{self._exchange_url}/sim/faults", "POST", {"rate": rate})
        return dict(state["injected"])

    def outage(self) -> None:
        """No answer from the exchange until the engine has asked in vain."""
        before = self.faults(FAULT_RATE).get("outage", 0)
        call(f"{self._exchange_url}/sim/outage", "POST", {"seconds": 1e9})
        while self.faults(FAULT_RATE).get("outage", 0) == before:
            time.sleep(0.1)
        call(f"{self._exchange_url}/sim/outage", "POST", {"seconds": 0})

    def end(self) -> dict[str, int]:
        """Stops the last engine, then the exchange; returns the faults by kind.

        Waits for `FAULTS`, for a trade of both markets, and then until no candle is owed.
        """
        url = self.now.event("engine.started")["url"]
        while sum(self.faults(FAULT_RATE).values()) < FAULTS or not _traded(url):
            self.now.event("cycle.finished")
        faults = self.faults(0.0)
        while call(f"{url}/healthz")[1]["owed_candles"]:
            time.sleep(0.1)
        self.now.signal(signal.SIGTERM)
        assert self.now.ended() == 0
        self._exchange.kill()
        return faults


def _traded(url: str) -> bool:
    # Kelly's sizing opens nothing until its source's record earns more than it loses.
    accounts = call(f"{url}/api/paper")[1]["accounts"]
    return all(each["closed_trades"] for each in accounts if each["name"] != "kelly")


def kill_again_and_again(folder: Path, starts: Starts, kills: int, seed: int = SEED) -> Figures:
    """Kills engines at random moments: at the start, in a cycle, after a refused trade."""
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
