"""The daemon with three trained coins and twenty-nine untrained ones, on the simulated exchange."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from crypto_bot.models import versions
from crypto_bot.models.artifact import folder_of, publish
from tests.conftest import Start
from tests.e2e.processes import Process, call
from tests.models.made_models import STEP_MS, spoil, tiny_model

pytestmark = pytest.mark.slow
TRAINED = ("BTCUSDT", "ETHUSDT", "SOLUSDT")
OWN = "ML_PER_COIN_V1"
START_MS = 1_760_000_400_000 // STEP_MS * STEP_MS
SIM = {
    "CRYPTO_BOT_SIM__START": datetime.fromtimestamp(START_MS / 1000, UTC).isoformat(),
    "CRYPTO_BOT_SIM__SPEED": "450",
    "CRYPTO_BOT_ENGINE__RECORD_BARS": "20",
}


def sources(engine: Process, url: str) -> dict[str, str]:
    """Who answered for each coin, after the next round that made all of them."""
    while engine.event("cycle.finished")["owed"]:
        pass
    _, answer = call(f"{url}/api/predictions")
    return {symbol: each["source"] for symbol, each in answer["predictions"].items()}


def test_three_models_answer_and_a_spoiled_one_falls_back_alone(
    daemon: Start, tmp_path: Path
) -> None:
    models, marker = tmp_path / "models", tmp_path / "ran"
    for seed, symbol in enumerate(TRAINED):
        publish(
            tiny_model(symbol, seed=seed, features="per_coin_v2", data_ends_ms=START_MS), models
        )
    engine = daemon(*("--exchange", "sim", "--models_dir", str(models), "--device", "cpu"), **SIM)
    url = engine.event("engine.started")["url"]
    assert engine.event("model.loaded")["symbols"] == sorted(TRAINED)
    found = sources(engine, url)
    assert len(found) == 32
    assert {symbol for symbol, source in found.items() if source == OWN} == set(TRAINED)
    _, signal = call(f"{url}/api/predictions/ETHUSDT")
    check_signal(signal)

    spoil(folder_of(models, "ETHUSDT", "15m"), "cut", marker)
    refused = engine.event("model.refused")
    assert refused["symbols"] == ["ETHUSDT"]
    assert "is not what meta.json says" in refused["reason"]
    found = sources(engine, url)
    assert {symbol for symbol, source in found.items() if source == OWN} == {"BTCUSDT", "SOLUSDT"}
    _, models_ = call(f"{url}/api/models")
    assert models_["count"] == 32
    served = {symbol for symbol, each in models_["models"].items() if each["served"]}
    assert served == {"BTCUSDT", "SOLUSDT"}
    assert models_["models"]["BTCUSDT"]["model"]["features"] == "per_coin_v2"
    assert models_["models"]["ETHUSDT"]["reason"] == refused["reason"]

    spoil(folder_of(models, "ETHUSDT", "15m"), "pickle", marker)
    spoil(folder_of(models, "SOLUSDT", "15m"), "features", marker)
    assert "made for features" in engine.event("model.refused")["reason"]
    found = sources(engine, url)
    assert {symbol for symbol, source in found.items() if source == OWN} == {"BTCUSDT"}
    assert not marker.exists()

    at = folder_of(models, "BTCUSDT", "15m")
    at.unlink()
    for version in versions.versions(at):
        (version / "meta.json").unlink()
    assert engine.event("model.refused")["symbols"] == ["BTCUSDT"]
    assert OWN not in sources(engine, url).values()

    publish(tiny_model("BTCUSDT", seed=9, features="per_coin_v2", data_ends_ms=START_MS), models)
    assert engine.event("model.loaded")["symbols"] == ["BTCUSDT"]
    assert sources(engine, url)["BTCUSDT"] == OWN
    assert engine.is_running
    assert not any("cycle.failed" in line for line in engine.lines)


def check_signal(signal: dict[str, Any]) -> None:
    assert signal["source"] == OWN
    assert signal["model_version"].startswith("cnn_lstm_v1+")
    assert sum(signal["probabilities"].values()) == pytest.approx(1.0)
    assert signal["confidence"] == signal["probabilities"][signal["pred"]]
    assert signal["cost_bps"] == 10.0
