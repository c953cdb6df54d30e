"""Daily answers of the daemon, on a simulated market whose days take two seconds."""

from __future__ import annotations

import json
import signal
from datetime import UTC, datetime
from pathlib import Path

import pytest

from crypto_bot.app.settings import load
from tests.app.made_outlook import RECIPE, START_MS, publish_daily
from tests.conftest import Start
from tests.e2e.processes import Process, call

pytestmark = pytest.mark.slow
SIM = {
    "CRYPTO_BOT_SIM__START": datetime.fromtimestamp(START_MS / 1000, UTC).isoformat(),
    "CRYPTO_BOT_SIM__SPEED": "43200",
    "CRYPTO_BOT_ENGINE__RECORD_BARS": "20",
    "CRYPTO_BOT_OUTLOOK__RECIPE": str(RECIPE),
    "CRYPTO_BOT_LOG__LEVEL": "debug",
}


def test_daily_models_answer_across_a_kill_and_are_settled(daemon: Start, tmp_path: Path) -> None:
    models, coins = tmp_path / "models", tmp_path / "coins.json"
    coins.write_text(json.dumps(["BTCUSDT", "ETHUSDT"]))
    asked = {"models_dir": models, "outlook": {"recipe": str(RECIPE)}}
    publish_daily(load(asked), "7d", None)

    def started(*more: str) -> Process:
        words = ("--exchange", "sim", "--tf", "4h", "--device", "cpu", "--models_dir", str(models))
        return daemon(*words, "--symbols_file", str(coins), *more, **SIM)

    once = started("--once")
    assert once.event("outlook.opened")["engine"] == "sim-spot.made_daily-7d"
    assert once.ended() == 0
    engine = started()
    assert engine.event("outlook.opened")["horizon"] == "7d"
    answered = engine.event("signal.emitted")
    while answered["source"] != "DAILY_OUTLOOK":
        answered = engine.event("signal.emitted")
    engine.signal(signal.SIGKILL)
    engine.ended()

    engine = started()
    url = engine.event("engine.started")["url"]
    settled = 0
    while settled < 4:
        assert engine.event("cycle.finished")["event"]
        _, body = call(f"{url}/api/signals?horizon=7d&limit=1000")
        settled = sum(line["outcome"] is not None for line in body["signals"])
    ours = [line for line in body["signals"] if line["source"] == "DAILY_OUTLOOK"]
    assert len({line["id"] for line in ours}) == len(ours)
    assert {(line["tf"], line["horizon"]) for line in ours} == {("1d", "7d")}
    wanted = {"asset_symbol": "BTC", "timeframe": "7d"}
    status, answer = call(f"{url}/predict", "POST", wanted)
    assert (status, answer["prediction"] in {"bearish", "neutral", "bullish"}) == (200, True)
    status, answer = call(f"{url}/predict", "POST", wanted | {"timeframe": "14d"})
    assert (status, "train all --recipe /" in answer["detail"]) == (404, True)
    engine.signal(signal.SIGTERM)
    assert engine.ended() == 0
    assert not any("cycle.failed" in line for line in engine.lines)
