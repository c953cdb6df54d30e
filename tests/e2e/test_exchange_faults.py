"""The daemon on an exchange by its address, which has faults that no retry cures."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from crypto_bot.adapters.clock import SystemClock
from tests.conftest import Start
from tests.e2e.processes import Process, call

pytestmark = pytest.mark.slow
COINS = ("BTCUSDT", "ETHUSDT", "SOLUSDT")


@pytest.fixture
def exchange(start: Start) -> str:
    """The address of a simulated exchange in real time, which the engine takes for Binance."""
    flags = ("--speed", "1", "--tf", "1m", "--symbols", ",".join(COINS))
    sim = start("-m", "simulated_exchange", *flags, "--start", str(SystemClock().now_ms()))
    return str(sim.event("sim.ready")["url"])


@pytest.fixture
def live(daemon: Start, exchange: str, tmp_path: Path) -> Start:
    """Starts an engine of rules on it."""
    path = tmp_path / "coins.json"
    path.write_text(json.dumps(COINS))

    def started(*words: str) -> Process:
        at = ("--exchange", "binance", "--exchange_url", exchange, "--tf", "1m")
        engine = ("--use_ml", "0", "--symbols_file", str(path))
        return daemon(
            *(*at, *engine, *words),
            CRYPTO_BOT_ENGINE__RECORD_BARS="20",
            CRYPTO_BOT_LOG__LEVEL="debug",
        )

    return started


def quirks(url: str, **fields: object) -> None:
    assert call(f"{url}/sim/quirks", "POST", fields)[0] == 200


def test_a_coin_in_maintenance_does_not_stop_a_start_nor_the_others(
    live: Start, exchange: str
) -> None:
    assert live("--once").ended() == 0
    quirks(exchange, status={"SOLUSDT": "BREAK"}, unlisted=["ETHUSDT"])
    engine = live()
    url = engine.event("engine.started")["url"]
    assert {engine.event("coin.halted")["symbol"] for _ in range(2)} == {"ETHUSDT", "SOLUSDT"}
    assert engine.event("signal.emitted", within_s=250)["symbol"] == "BTCUSDT"
    reason = engine.event("candles.failed")["reason"]
    assert reason == "binance does not list ETHUSDT any more"
    reasons = call(f"{url}/healthz")[1]["reasons"]
    assert "SOLUSDT does not trade at binance now" not in reasons, "it has its candles so far"
    assert "binance does not list ETHUSDT any more" in reasons
    assert engine.is_running


def test_a_coin_with_the_prices_of_another_is_held_and_named_until_it_has_its_own(
    live: Start, exchange: str
) -> None:
    engine = live()
    url = engine.event("engine.started")["url"]
    engine.event("cycle.finished", within_s=250)
    quirks(exchange, price_factors={"ETHUSDT": 25.0})
    held = engine.event("candles.held", within_s=250)
    assert held["symbol"] == "ETHUSDT"
    assert "its candles are those of something else" in held["reason"]
    assert engine.event("cycle.finished", within_s=250)["signals"] == 2, "the others go on"
    assert held["reason"] in call(f"{url}/healthz")[1]["reasons"]
    quirks(exchange)
    while engine.event("signal.emitted", within_s=250)["symbol"] != "ETHUSDT":
        pass
    assert engine.is_running


def test_an_exchange_in_maintenance_is_waited_for_and_its_clock_not_believed(
    live: Start, exchange: str, tmp_path: Path
) -> None:
    quirks(exchange, status=dict.fromkeys(COINS, "BREAK"))
    engine = live()
    url = engine.event("engine.started")["url"]
    reason = engine.event("exchange.unreachable")["reason"]
    assert reason == "binance trades none of the coins now"
    quirks(exchange, status={"ETHUSDT": "BREAK"}, time_offset_ms=600_000)
    problem = engine.event("clock.doubted", within_s=250)["reason"]
    assert problem.endswith("s ahead of the machine's, its candles are not")
    for _ in range(2):
        engine.event("cycle.finished", within_s=250)
    health = call(f"{url}/healthz")[1]
    assert problem in health["reasons"]
    assert health["status"] == "degraded"
    with closing(sqlite3.connect(tmp_path / "engine.db")) as database:
        (after_ms,) = database.execute(
            "SELECT min(created_ms - candle_open_ms) FROM predictions"
        ).fetchone()
        (newest_ms,) = database.execute("SELECT max(open_ms) FROM candles").fetchone()
    assert after_ms >= 60_000, "no signal before its close"
    assert newest_ms + 60_000 <= SystemClock().now_ms()
