"""The daemon with a model that reads series, whose providers take connections and never reply."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

import pytest

from crypto_bot.adapters.clock import SystemClock
from crypto_bot.models.artifact import publish
from simulated_exchange.clock import ScaledClock
from tests.conftest import Start
from tests.features.grouped import ALL_GROUPS
from tests.models.made_models import COINS, STEP_MS, tiny_model

pytestmark = pytest.mark.slow
CYCLES = 4


@pytest.fixture
def silent() -> Iterator[str]:
    """An address whose connections are taken and never answered."""
    with socket.create_server(("127.0.0.1", 0), backlog=100) as listening:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"


def test_signals_go_on_and_each_provider_is_named_once(
    start: Start, silent: str, tmp_path: Path
) -> None:
    begins_ms = SystemClock().now_ms() - 86_400_000  # no candle is of the machine's future
    flags = ("--speed", "300", "--tf", "15m", "--symbols", ",".join(COINS))
    sim = start("-m", "simulated_exchange", *flags, "--start", str(begins_ms)).event("sim.ready")
    ends_ms = (begins_ms // STEP_MS - 100) * STEP_MS
    publish(tiny_model(None, features=ALL_GROUPS, data_ends_ms=ends_ms), tmp_path / "models")
    coins = tmp_path / "coins.json"
    coins.write_text(json.dumps(COINS))
    words = {
        "--exchange": "binance",
        "--exchange_url": sim["url"],
        "--use_ml": "1",
        "--device": "cpu",
        "--port": "0",
        "--models_dir": str(tmp_path / "models"),
        "--symbols_file": str(coins),
        "--database_url": f"sqlite:///{tmp_path / 'engine.db'}",
    }
    clock = ",".join(str(sim[each]) for each in ScaledClock._fields)
    engine = start(
        *("-m", "benchmarks.fast_engine", clock, *chain(*words.items())),
        CRYPTO_BOT_ENGINE__RECORD_BARS="20",
        CRYPTO_BOT_INPUTS__TIMEOUT_S="2",
        CRYPTO_BOT_INPUTS__BINANCE_FUTURES_URL=silent,
        CRYPTO_BOT_INPUTS__DERIBIT_URL=silent,
        CRYPTO_BOT_RETRAIN__FIRST="0",
        CRYPTO_BOT_LOG__LEVEL="debug",
    )
    for _ in range(CYCLES):
        engine.event("cycle.finished")
    said = [json.loads(line) for line in engine.lines]
    named = [
        (each["input"], each["series"], each["state"])
        for each in said
        if each["event"] == "input.masked"
    ]
    assert {state for *_, state in named} == {"no reply"}
    assert {name for name, *_ in named} == {"binance_futures", "deribit"}
    assert len(set(named)) == len(named)
    signals = [each for each in said if each["event"] == "signal.emitted"]
    assert {each["symbol"] for each in signals} == set(COINS)
    assert {each["source"] for each in signals} == {"ML_PER_COIN_V1"}
    assert not any(each["level"] == "error" for each in said)
