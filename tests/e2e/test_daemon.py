"""The daemon as a user starts it, on the simulated exchange."""

import signal
from pathlib import Path

import pytest

from tests.conftest import Start
from tests.e2e.processes import call

pytestmark = pytest.mark.slow


def test_signals_for_every_coin_then_outcomes_then_an_orderly_end(daemon: Start) -> None:
    engine = daemon("--exchange", "sim", "--use_ml", "0", CRYPTO_BOT_SIM__SPEED="600")
    url = engine.event("engine.started")["url"]
    status, health = call(f"{url}/healthz")
    assert (status, health["status"]) in {(503, "starting"), (200, "running")}
    emitted = {engine.event("signal.emitted")["symbol"] for _ in range(32)}
    assert engine.event("outcome.settled")["n"] > 0
    _, answer = call(f"{url}/api/predictions")
    assert answer["success"] is True
    assert answer["count"] == 32
    assert set(answer["predictions"]) == emitted
    status, health = call(f"{url}/healthz")
    assert (status, health["status"]) == (200, "running")
    _, models = call(f"{url}/api/models")
    assert models["models"] == {}
    assert "--use_ml 1" in models["note"]
    assert "libtorch" not in Path(f"/proc/{engine.pid}/maps").read_text()
    engine.signal(signal.SIGTERM)
    assert engine.ended() == 0


def test_once_makes_one_round_and_ends(daemon: Start) -> None:
    short = {"CRYPTO_BOT_ENGINE__RECORD_BARS": "20"}
    engine = daemon("--exchange", "sim", "--use_ml", "0", "--once", **short)
    assert engine.event("cycle.finished")["signals"] >= 32 * 20
    assert engine.ended() == 0


def test_a_second_engine_on_the_same_database_refuses(daemon: Start) -> None:
    first = daemon("--exchange", "sim", "--use_ml", "0", "--paper", "0")
    url = first.event("engine.started")["url"]
    assert call(f"{url}/api/paper")[1]["accounts"] == []
    second = daemon("--exchange", "sim", "--use_ml", "0")
    assert second.ended() == 2
    assert any(f"another engine (pid {first.pid})" in line for line in second.lines)
