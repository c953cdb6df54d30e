"""Every fault at once, outages and SIGKILLs: the store ends as that of an undisturbed run."""

import json
import random
import signal
import time
from datetime import datetime
from itertools import starmap
from pathlib import Path

import pytest

from crypto_bot.adapters.store.candle_archive import SqlCandleArchive
from crypto_bot.adapters.store.database import Database
from crypto_bot.adapters.store.queries import SqlPredictionQueries
from crypto_bot.app.commands.backtest import replay_into
from crypto_bot.app.settings import load, load_symbols
from crypto_bot.domain.candle import Candle
from crypto_bot.domain.outcome import Outcome
from crypto_bot.domain.signal import Signal
from crypto_bot.domain.timeframe import Timeframe
from simulated_exchange.generated import GeneratedMarket
from tests.conftest import Start
from tests.e2e.processes import ROOT, Process, call

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]

M15 = Timeframe.parse("15m")
SEED = 11
CYCLES = 120
KILLS = 5
FAULT_RATE = 0.05
RECORD_BARS = 240
SPEED = 2700.0
SYMBOLS = load_symbols(ROOT / "symbols_32.json")[:12]


def contents(database: Database) -> dict[str, tuple[Signal, Outcome | None]]:
    """What is stored, but for when it was made; one line for each (symbol, candle) or it fails."""
    log = SqlPredictionQueries(database, M15).prediction_log(None, None, None, None, 10**9)
    found = {line.stored.signal.id: (line.stored.signal, line.outcome) for line in log}
    assert len(found) == len(log)
    return found


def undisturbed(first_ms: int, last_ms: int) -> dict[str, tuple[Signal, Outcome | None]]:
    """The same candles through the replay, which no process or network can disturb."""
    market = GeneratedMarket(SYMBOLS, M15.ms, SEED)
    settings = load({"use_ml": False, "engine": {"record_bars": RECORD_BARS}})
    source, target = Database.open("sqlite://"), Database.open("sqlite://")
    try:
        archive = SqlCandleArchive(source, M15)
        history_ms = first_ms - 6_100 * M15.ms
        archive.add(
            {
                symbol: list(starmap(Candle, market.candles(symbol, history_ms, last_ms)))
                for symbol in SYMBOLS
            }
        )
        replay_into(settings, SYMBOLS, archive, target, since_ms=first_ms, until_ms=last_ms)
        return contents(target)
    finally:
        source.close()
        target.close()


class Engines:
    """One engine after the other on the same database."""

    def __init__(self, daemon: Start, url: str, symbols_file: Path) -> None:
        self._daemon = daemon
        self._url = url
        self._symbols_file = str(symbols_file)
        self.now = self._started()

    def kill(self) -> None:
        self.now.signal(signal.SIGKILL)
        self.now.ended()
        self.now = self._started()

    def newest_ms(self) -> int:
        """The newest candle with signals, as the engine reports it."""
        _, health = call(f"{self._api}/healthz")
        return _ms(health["last_candle"]) if health["last_candle"] else 0

    def owed(self) -> int:
        return int(call(f"{self._api}/healthz")[1]["owed_candles"])

    def _started(self) -> Process:
        engine = self._daemon(
            *("--exchange", "sim", "--exchange_url", self._url, "--use_ml", "0"),
            *("--symbols_file", self._symbols_file),
            CRYPTO_BOT_ENGINE__RECORD_BARS=str(RECORD_BARS),
            CRYPTO_BOT_EXCHANGE__TIMEOUT_S="0.5",
            CRYPTO_BOT_LOG__LEVEL="info",
        )
        self._api = engine.event("engine.started")["url"]
        return engine


def _ms(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp() * 1000)


def test_nothing_is_lost_doubled_or_changed(start: Start, daemon: Start, tmp_path: Path) -> None:
    rng = random.Random(SEED)
    words = ("--speed", str(SPEED), "--seed", str(SEED))
    exchange = start("-m", "simulated_exchange", *words)
    url = exchange.event("sim.ready")["url"]
    symbols_file = tmp_path / "symbols.json"
    symbols_file.write_text(json.dumps(SYMBOLS))
    engines = Engines(daemon, url, symbols_file)
    engines.now.event("cycle.finished")
    first_live_ms = engines.newest_ms()
    call(f"{url}/sim/faults", "POST", {"rate": FAULT_RATE})
    kills = sorted(rng.sample(range(10, CYCLES - 10), KILLS))
    outages = sorted(rng.sample(range(10, CYCLES - 10), 2))
    while (done := (engines.newest_ms() - first_live_ms) // M15.ms) < CYCLES:
        if outages and done >= outages[0]:
            outages.pop(0)
            call(f"{url}/sim/outage", "POST", {"seconds": 3 * 900})
        if kills and done >= kills[0]:
            kills.pop(0)
            engines.kill()
        time.sleep(rng.uniform(0.05, 0.6))  # kills at any moment of a cycle
    assert min(call(f"{url}/sim/faults")[1]["injected"].values()) > 0
    call(f"{url}/sim/faults", "POST", {"rate": 0.0})
    while engines.owed() > 0 or engines.newest_ms() < first_live_ms + CYCLES * M15.ms:
        time.sleep(0.1)
    engines.now.signal(signal.SIGTERM)
    assert engines.now.ended() == 0

    database = Database.open(f"sqlite:///{tmp_path / 'engine.db'}")
    try:
        stored = contents(database)
        archive = SqlCandleArchive(database, M15)
        assert archive.gaps(0) == []
        newest = archive.newest_opens()
    finally:
        database.close()
    first_ms = min(each.candle_open_ms for each, _ in stored.values())
    last_ms = max(each.candle_open_ms for each, _ in stored.values())
    assert set(newest.values()) == {last_ms}
    bars = (last_ms - first_ms) // M15.ms + 1
    assert bars >= CYCLES + RECORD_BARS
    assert len(stored) == bars * len(SYMBOLS)
    assert stored == undisturbed(first_ms, last_ms)
