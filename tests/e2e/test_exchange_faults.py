"""The daemon on an exchange by its address, which has faults that no retry cures."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from itertools import chain
from pathlib import Path
from typing import Any

import pytest

from crypto_bot.adapters.clock import SystemClock
from simulated_exchange.clock import ScaledClock
from tests.conftest import Start
from tests.e2e.processes import Event, Process, call

pytestmark = pytest.mark.slow
COINS = ("BTCUSDT", "ETHUSDT", "SOLUSDT")
RECORD_BARS = 20


@pytest.fixture
def exchange(start: Start) -> Event:
    """A simulated exchange whose minutes take six seconds: its address, and its clock."""
    flags = ("--speed", "10", "--tf", "1m", "--symbols", ",".join(COINS))
    day_before_ms = SystemClock().now_ms() - 86_400_000  # no candle is of the machine's future
    sim = start("-m", "simulated_exchange", *flags, "--start", str(day_before_ms))
    return sim.event("sim.ready")


@pytest.fixture
def live(start: Start, exchange: Event, tmp_path: Path) -> Start:
    """Starts an engine of rules that takes it for Binance, on a machine whose clock is as fast."""
    path = tmp_path / "coins.json"
    path.write_text(json.dumps(COINS))
    clock = ",".join(str(exchange[each]) for each in ScaledClock._fields)
    flags = {
        "--exchange": "binance",
        "--exchange_url": exchange["url"],
        "--tf": "1m",
        "--use_ml": "0",
        "--port": "0",
        "--symbols_file": str(path),
        "--database_url": f"sqlite:///{tmp_path / 'engine.db'}",
    }

    def started(*words: str) -> Process:
        return start(
            *("-m", "benchmarks.fast_engine", clock, *chain(*flags.items()), *words),
            CRYPTO_BOT_ENGINE__RECORD_BARS=str(RECORD_BARS),
            CRYPTO_BOT_LOG__LEVEL="debug",
        )

    return started


def quirks(exchange: Event, **fields: object) -> None:
    assert call(f"{exchange['url']}/sim/quirks", "POST", fields)[0] == 200


def newest(url: str, symbol: str) -> int:
    """When the candle of its newest signal opened."""
    return int(call(f"{url}/api/predictions")[1]["predictions"][symbol]["candle_open_ms"])


def after_a_cycle(engine: Process, url: str, is_so: Callable[[list[str]], bool]) -> dict[str, Any]:
    """The health, once its reasons are as wanted: how many candles a cycle has is luck."""
    health: dict[str, Any] = {"reasons": []}
    while not is_so(health["reasons"]):
        engine.event("cycle.finished")
        health = call(f"{url}/healthz")[1]
    return health


def test_a_coin_in_maintenance_does_not_stop_a_start_nor_the_others(
    live: Start, exchange: Event
) -> None:
    once = live("--once")
    assert once.event("cycle.finished")["signals"] >= len(COINS) * RECORD_BARS
    assert once.ended() == 0
    quirks(exchange, status={"SOLUSDT": "BREAK"}, unlisted=["ETHUSDT"])
    engine = live()
    url = engine.event("engine.started")["url"]
    assert {engine.event("coin.halted")["symbol"] for _ in range(2)} == {"ETHUSDT", "SOLUSDT"}
    assert engine.event("signal.emitted")["symbol"] == "BTCUSDT"
    gone, resting = (
        "binance does not list ETHUSDT any more",
        "SOLUSDT does not trade at binance now",
    )
    # The second has its candles so far.
    after_a_cycle(engine, url, lambda reasons: gone in reasons and resting not in reasons)
    assert newest(url, "BTCUSDT") > newest(url, "ETHUSDT")
    assert engine.is_running


def test_a_coin_with_the_prices_of_another_is_held_and_named_until_it_has_its_own(
    live: Start, exchange: Event
) -> None:
    engine = live()
    url = engine.event("engine.started")["url"]
    engine.event("cycle.finished")
    quirks(exchange, price_factors={"ETHUSDT": 25.0})
    held = engine.event("candles.held")
    assert held["symbol"] == "ETHUSDT"
    assert "its candles are those of something else" in held["reason"]
    after_a_cycle(engine, url, lambda reasons: held["reason"] in reasons)
    while min(newest(url, "BTCUSDT"), newest(url, "SOLUSDT")) <= newest(url, "ETHUSDT"):
        engine.event("cycle.finished")  # the others go on
    stopped_ms = newest(url, "ETHUSDT")
    quirks(exchange)
    while newest(url, "ETHUSDT") == stopped_ms:
        engine.event("cycle.finished")
    assert engine.is_running


def test_an_exchange_in_maintenance_is_waited_for_and_its_clock_not_believed(
    live: Start, exchange: Event, tmp_path: Path
) -> None:
    quirks(exchange, status=dict.fromkeys(COINS, "BREAK"))
    engine = live()
    url = engine.event("engine.started")["url"]
    reason = engine.event("exchange.unreachable")["reason"]
    assert reason == "binance trades none of the coins now"
    quirks(exchange, status={"ETHUSDT": "BREAK"}, time_offset_ms=600_000)
    problem = engine.event("clock.doubted")["reason"]
    assert problem.endswith("s ahead of the machine's, its candles are not")
    engine.event("cycle.finished")
    health = after_a_cycle(engine, url, lambda reasons: problem in reasons)
    assert health["status"] == "degraded"
    with closing(sqlite3.connect(tmp_path / "engine.db")) as database:
        (after_ms,) = database.execute(
            "SELECT min(created_ms - candle_open_ms) FROM predictions"
        ).fetchone()
        (newest_ms,) = database.execute("SELECT max(open_ms) FROM candles").fetchone()
    assert after_ms >= 60_000, "no signal before its close"
    clock = ScaledClock(*(exchange[each] for each in ScaledClock._fields))
    assert newest_ms + 60_000 <= clock.now_ms()
