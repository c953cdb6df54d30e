"""Successive engines that trade on one simulated exchange, and what disturbs them."""

from __future__ import annotations

import json
import random
import resource
import signal
import sqlite3
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import psutil

from crypto_bot.domain.timeframe import Timeframe
from simulated_exchange.clock import ScaledClock
from tests.e2e.processes import Process, call

M15 = Timeframe.parse("15m")
SEED = 23
FAULT_RATE = 0.02
HELD_RATE = 0.003
"""A reply that is held back costs its reader a whole time limit, which is of real seconds."""
RECORD_BARS = 120
RECORD_LAG_BARS = 288
"""Longer than a coin is behind the others, also where this machine is busy with other things."""
ACCOUNTS = (
    {"name": "spot", "market": "spot", "late": False, "risk": 0.01, "drawdown": 0},
    {"name": "perp", "market": "perp", "late": False, "correlated_positions": 2, "drawdown": 0},
    {"name": "kelly", "market": "perp", "late": False, "sizing": "kelly", "max_positions": 0},
)
LIES_S = (45, -45, 180, -180, 600, -1_800, 12, -12, None)
"""How far the exchange's clock is off; None: it shows seconds."""

Starts = Callable[[list[str], Mapping[str, str]], Process]


class Plan(NamedTuple):
    """The market, and how many times as fast as real time it runs."""

    symbols: tuple[str, ...]
    speed: float
    days: float


class Engines:
    """Successive engines on the same database, which take the exchange for a live one."""

    def __init__(self, folder: Path, starts: Starts, plan: Plan) -> None:
        self.file = folder / "engine.db"
        self.gaps: set[tuple[str, int]] = set()
        """Candles that the exchange had wrongly for good."""
        self.symbols, self._starts = plan.symbols, starts
        self._symbols = folder / "symbols.json"
        self._symbols.write_text(json.dumps(plan.symbols))
        # It begins so early that no candle is of the machine's future.
        start_ms = int((time.time() - (plan.days + 1) * 86_400 * (1 + 60 / plan.speed)) * 1000)
        words = ["--speed", plan.speed, "--seed", SEED, "--symbols_file", self._symbols]
        words += ["--start", M15.open_of(start_ms)]
        self._exchange = starts(["-m", "simulated_exchange", *map(str, words)], {})
        ready = self._exchange.event("sim.ready")
        self._exchange_url = ready["url"]
        self.clock = ScaledClock(ready["origin_ms"], ready["anchor_ms"], ready["speed"])
        self.now = self.start()

    def start(self, off_ms: int = 0) -> Process:
        """Starts a new engine; its machine's clock is `off_ms` ahead, all the time that it runs."""
        words = {
            "--exchange": "binance",
            "--exchange_url": self._exchange_url,
            "--use_ml": "0",
            "--port": "0",
            "--symbols_file": str(self._symbols),
            "--database_url": f"sqlite:///{self.file}",
        }
        environment = {
            "CRYPTO_BOT_ENGINE__RECORD_BARS": str(RECORD_BARS),
            "CRYPTO_BOT_ENGINE__RECORD_LAG_BARS": str(RECORD_LAG_BARS),
            "CRYPTO_BOT_EXCHANGE__TIMEOUT_S": "1",
            "CRYPTO_BOT_PAPER__FILLS": "candles",
            "CRYPTO_BOT_PAPER__ACCOUNTS": json.dumps(ACCOUNTS),
        }
        flags = [word for pair in words.items() for word in pair]
        clock = ",".join(map(str, self.clock._replace(origin_ms=self.clock.origin_ms + off_ms)))
        return self._starts(["-m", "benchmarks.fast_engine", clock, *flags], environment)

    def another(self, code: int | None = None, off_ms: int = 0) -> None:
        """Waits for the end of the engine, with `code` where that is given; starts another."""
        ended = self.now.ended()
        assert code in {None, ended}, self.now.lines[-20:]
        self.now = self.start(off_ms)

    def wait(self, candles: float) -> None:
        """Lets the time of so many candles pass."""
        time.sleep(candles * self.clock.real_seconds(M15.ms))

    def faults(self, rate: float, held_rate: float = 0.0) -> dict[str, int]:
        """Sets the share of replies with each fault; the number of faults so far, by kind."""
        self._control("faults", rate=rate)
        return dict(self._control("faults", rate=held_rate, kinds=["timeout"])["injected"])

    def quirks(self, **quirks: object) -> None:
        """From now on the exchange has these, and no others."""
        self._control("quirks", **quirks)

    def outage(self, seconds: float) -> None:
        """No answer from the exchange for so many of its seconds, 0 for an end of that."""
        self._control("outage", seconds=seconds)

    def _control(self, what: str, **fields: object) -> dict[str, dict[str, int]]:
        status, answer = call(f"{self._exchange_url}/sim/{what}", "POST", fields)
        assert status == 200, answer
        return dict(answer)

    def stored_gaps(self) -> set[tuple[str, int]]:
        """The candles that are recorded as missing."""
        with closing(sqlite3.connect(self.file)) as connection:
            return set(connection.execute("SELECT symbol, open_ms FROM gaps"))

    def taken(self) -> tuple[int, int]:
        """Resident memory in bytes and open descriptors of the engine."""
        process = psutil.Process(self.now.pid)
        return int(process.memory_info().rss), int(process.num_fds())

    def end(self) -> dict[str, int]:
        """Stops the last engine when it owes nothing, then the exchange; the faults by kind."""
        self.quirks()
        faults = self.faults(0.0)
        self.now.signal(signal.SIGKILL)  # the next one says where it listens
        self.another()
        url = self.now.event("engine.started")["url"]
        self.now.event("cycle.finished")
        while call(f"{url}/healthz")[1]["owed_candles"]:
            time.sleep(0.1)
        self.now.signal(signal.SIGTERM)
        assert self.now.ended() == 0
        self._exchange.kill()
        return faults


Disturbance = Callable[[Engines, random.Random], None]


def killed(engines: Engines, rng: random.Random) -> None:
    """SIGKILL: as it starts, in a cycle, or as a trade is refused."""
    event = rng.choice((None, "cycle.finished", "paper.refused"))
    if event is not None:
        engines.now.event(event)
    time.sleep(rng.uniform(0.0, 0.6 if event == "cycle.finished" else 0.05))
    engines.now.signal(signal.SIGKILL)
    engines.another()


def full_disk(engines: Engines, _rng: random.Random) -> None:
    """No file takes another byte; the engine ends by itself."""
    resource.prlimit(engines.now.pid, resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))
    engines.another(code=1)


def suspended(engines: Engines, rng: random.Random) -> None:
    """The machine sleeps."""
    engines.now.signal(signal.SIGSTOP)
    engines.wait(rng.uniform(0.2, 4.0))
    engines.now.signal(signal.SIGCONT)


def outage(engines: Engines, rng: random.Random) -> None:
    """The exchange answers nothing."""
    engines.outage(1e9)
    engines.wait(rng.uniform(1.0, 3.0))
    engines.outage(0)


def wrong_stamps(engines: Engines, rng: random.Random) -> None:
    """The times of all candles are in another unit, or of the future."""
    engines.quirks(stamp_factor=rng.choice((1_000, 0.001, 1.01)))
    engines.wait(1.5)
    engines.quirks()


def lying_clock(engines: Engines, rng: random.Random) -> None:
    """The exchange's clock is wrong, at a start or while the engine runs, and right again."""
    off_s = rng.choice(LIES_S)
    engines.quirks(
        **({"time_factor": 0.001} if off_s is None else {"time_offset_ms": off_s * 1000})
    )
    if rng.random() < 0.5:
        engines.now.signal(signal.SIGKILL)
        engines.another()
    engines.wait(8.0)
    engines.quirks()


def wrong_machine(engines: Engines, rng: random.Random) -> None:
    """The clock of the machine was set wrongly before a start, and right before the next."""
    off_s = rng.choice([each for each in LIES_S if each is not None])
    engines.now.signal(signal.SIGKILL)
    engines.another(off_ms=off_s * 1000)
    engines.wait(8.0)
    engines.now.signal(signal.SIGKILL)
    engines.another()


def coins_leave(engines: Engines, rng: random.Random) -> None:
    """A coin is in maintenance and another is not listed, at a start or while the engine runs."""
    resting, gone = rng.sample(engines.symbols, 2)
    engines.quirks(status={resting: "BREAK"}, unlisted=[gone])
    if rng.random() < 0.5:
        engines.now.signal(signal.SIGKILL)
        engines.another()
    engines.now.event("cycle.finished")
    engines.wait(4.0)
    engines.quirks()


def revised_candles(engines: Engines, _rng: random.Random) -> None:
    """For a while after their close candles have half of their volume."""
    engines.quirks(provisional_ms=M15.ms // 2)
    engines.wait(5.0)
    engines.quirks()


def impossible_row(engines: Engines, rng: random.Random) -> None:
    """The next candle of a coin has no high, and never gets one: a gap."""
    symbol, open_ms = rng.choice(engines.symbols), M15.open_of(engines.clock.now_ms()) + M15.ms
    row = {"symbol": symbol, "open_ms": open_ms, "column": 2, "value": "NaN"}
    engines.quirks(rows=[row])
    engines.gaps.add((symbol, open_ms))
    while engines.gaps != engines.stored_gaps():
        time.sleep(0.1)
    engines.quirks()


def other_prices(engines: Engines, rng: random.Random) -> None:
    """A coin has the prices of another."""
    engines.quirks(price_factors={rng.choice(engines.symbols): rng.choice((0.2, 1.5, 40.0))})
    engines.wait(4.0)
    engines.quirks()


WHILE_IT_RUNS: tuple[Disturbance, ...] = (
    suspended,
    outage,
    wrong_stamps,
    revised_candles,
    impossible_row,
    other_prices,
)
ALL: tuple[Disturbance, ...] = (
    *(killed, full_disk, lying_clock, killed, coins_leave, wrong_machine),
    *WHILE_IT_RUNS,
)
