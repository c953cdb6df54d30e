"""The simulated exchange as a child: it starts, stops, and dies with its parent."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import httpx
import psutil
import pytest

from crypto_bot.adapters.clock import AcceleratedClock
from crypto_bot.adapters.exchange.sim.config import SimConfig
from crypto_bot.adapters.exchange.sim.process import SimProcess
from crypto_bot.domain.errors import ConfigError

CONFIG = SimConfig(symbols=("BTCUSDT",), speed=600.0, start_ms=1_764_547_200_000, fault_seed=3)
PARENT = """
import sys
from crypto_bot.adapters.exchange.sim.config import SimConfig
from crypto_bot.adapters.exchange.sim.process import SimProcess
print(SimProcess.start(SimConfig(symbols=("BTCUSDT",))).pid, flush=True)
sys.stdin.read()
"""


def klines(url: str) -> object:
    query = {"symbol": "BTCUSDT", "interval": "15m", "endTime": "1764547199999", "limit": "5"}
    return httpx.get(f"{url}/api/v3/klines", params=query).json()


def test_it_runs_by_the_clock_that_it_shows_until_it_is_stopped() -> None:
    exchange = SimProcess.start(CONFIG)
    try:
        shown = httpx.get(f"{exchange.url}/sim/clock").json()
        assert shown == exchange.clock._asdict()
        assert (exchange.clock.origin_ms, exchange.clock.speed) == (CONFIG.start_ms, 600.0)
        clock = AcceleratedClock(*exchange.clock)
        before_ms = clock.now_ms()
        served_ms = httpx.get(f"{exchange.url}/api/v3/time").json()["serverTime"]
        assert before_ms <= served_ms <= clock.now_ms()
    finally:
        exchange.stop()
    exchange.stop()
    assert gone(exchange.pid)
    with pytest.raises(httpx.ConnectError):
        httpx.get(exchange.url)


def test_a_restarted_exchange_tells_the_same_candles() -> None:
    told = []
    for _ in range(2):
        exchange = SimProcess.start(CONFIG)
        try:
            told.append(klines(exchange.url))
        finally:
            exchange.stop()
    assert told[0] == told[1]


def test_the_interrupt_key_does_not_reach_it() -> None:
    exchange = SimProcess.start(CONFIG)
    try:
        assert os.getsid(exchange.pid) != os.getsid(0)
    finally:
        exchange.stop()


def test_a_configuration_that_it_refuses_is_an_error_in_its_words() -> None:
    with pytest.raises(ConfigError, match="does not list FOOUSDT"):
        SimProcess.start(SimConfig(symbols=("FOOUSDT",)))


def test_a_killed_parent_takes_it_along() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", PARENT],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[3],
    ) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        child = psutil.Process(pid)
        assert child.is_running()
        parent.send_signal(signal.SIGKILL)
        parent.wait(5)
        psutil.wait_procs([child], timeout=5)
        assert gone(pid)


def gone(pid: int) -> bool:
    """Ended, though perhaps nobody has asked how."""
    try:
        return bool(psutil.Process(pid).status() == psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return True
