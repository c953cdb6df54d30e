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

from crypto_bot.adapters.exchange.simulated import SimulatedExchange
from crypto_bot.domain.errors import ConfigError, ExchangeUnavailable, MarketEnded

FLAGS = ["--symbols=BTCUSDT", "--speed=600", "--start=1764547200000"]
PARENT = """
import sys
from crypto_bot.adapters.exchange.simulated import SimulatedExchange
print(SimulatedExchange.start(["--symbols=BTCUSDT"]).pid, flush=True)
sys.stdin.read()
"""


def test_it_serves_in_a_session_of_its_own_until_it_is_stopped() -> None:
    exchange = SimulatedExchange.start(FLAGS)
    try:
        shown = httpx.get(f"{exchange.url}/sim/clock", timeout=120).json()
        assert (shown["origin_ms"], shown["speed"]) == (1_764_547_200_000, 600.0)
        assert os.getsid(exchange.pid) != os.getsid(0), "Ctrl-C would reach it"
    finally:
        exchange.stop()
    exchange.stop()
    assert gone(exchange.pid)
    with pytest.raises(httpx.ConnectError):
        httpx.get(exchange.url)


def test_what_it_refuses_is_an_error_with_its_message() -> None:
    with pytest.raises(ConfigError, match="does not list FOOUSDT"):
        SimulatedExchange.start(["--symbols=FOOUSDT"])


def test_an_exchange_that_cannot_run_is_unavailable(monkeypatch: pytest.MonkeyPatch) -> None:
    broken = (sys.executable, "-c", "import sys; sys.exit('no memory')")
    monkeypatch.setattr("crypto_bot.adapters.exchange.simulated.COMMAND", broken)
    with pytest.raises(ExchangeUnavailable, match=r"exit code 1\): no memory"):
        SimulatedExchange.start(FLAGS)


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
        parent.wait()
        psutil.wait_procs([child], timeout=120)
        assert gone(pid)


def gone(pid: int) -> bool:
    """Ended, though perhaps its exit code was not read."""
    try:
        return bool(psutil.Process(pid).status() == psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return True


def test_one_that_ended_by_itself_is_named() -> None:
    exchange = SimulatedExchange.start(FLAGS)
    exchange.require_running()
    os.kill(exchange.pid, signal.SIGKILL)
    os.waitid(os.P_PID, exchange.pid, os.WEXITED | os.WNOWAIT)
    with pytest.raises(ExchangeUnavailable, match="exit code -9"):
        exchange.require_running()
    exchange.stop()


def test_one_whose_candles_have_ended_is_another_end_than_a_failure(tmp_path: Path) -> None:
    rows = "".join(f"{1_764_547_200_000 + at * 60_000},5,6,4,5,1\n" for at in range(3))
    (tmp_path / "BTCUSDT.csv").write_text(f"timestamp,open,high,low,close,volume\n{rows}")
    flags = ["--symbols=BTCUSDT", "--tf=1m", f"--candles={tmp_path}", "--speed=600"]
    exchange = SimulatedExchange.start([*flags, "--start=1764547200000"])
    os.waitid(os.P_PID, exchange.pid, os.WEXITED | os.WNOWAIT)
    with pytest.raises(MarketEnded, match="come to their end"):
        exchange.require_running()
    exchange.stop()
