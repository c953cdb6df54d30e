"""Successive engines that trade on one simulated exchange, with faults, outages and kills."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Callable
from pathlib import Path

from tests.e2e.processes import ROOT, Process, call

SEED = 23
SPEED = 1800.0
FAULT_RATE = 0.05
FAULTS = 50
"""An engine runs on until it has met so many."""
RECORD_BARS = 120
SYMBOLS = ("BTCUSDT", "ETHUSDT", "SOLUSDT", "ATOMUSDT", "DOTUSDT", "OPUSDT", "LINKUSDT", "BCHUSDT")
ACCOUNTS = (
    {"name": "spot", "market": "spot", "late": False, "risk": 0.01, "drawdown": 0},
    {"name": "perp", "market": "perp", "late": False, "correlated_positions": 2, "drawdown": 0},
    {"name": "kelly", "market": "perp", "late": False, "sizing": "kelly", "max_positions": 0},
)

Starts = Callable[[list[str], dict[str, str]], Process]


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
