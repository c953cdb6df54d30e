"""Daily answers of the daemon, on a simulated market whose days take two seconds."""

from __future__ import annotations

import json
import signal
from datetime import UTC, datetime
from pathlib import Path

import pytest

from crypto_bot.app.settings import load
from tests.app.made_outlook import START_MS, publish_daily
from tests.conftest import Start
from tests.e2e.processes import Process, call

pytestmark = pytest.mark.slow
SIM = {
    "CRYPTO_BOT_SIM__START": datetime.fromtimestamp(START_MS / 1000, UTC).isoformat(),
    "CRYPTO_BOT_SIM__SPEED": "43200",
    "CRYPTO_BOT_ENGINE__RECORD_BARS": "20",
}


def test_daily_models_answer_across_a_kill_and_are_settled(daemon: Start, tmp_path: Path) -> None:
    models, coins = tmp_path / "models", tmp_path / "coins.json"
    coins.write_text(json.dumps(["BTCUSDT", "ETHUSDT"]))
    publish_daily(load({"models_dir": models}), "7d", None)

    def started() -> Process:
        words = ("--exchange", "sim", "--tf", "4h", "--device", "cpu", "--models_dir", str(models))
        return daemon(*words, "--symbols_file", str(coins), **SIM)

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
    asked = {"asset_symbol": "BTC", "timeframe": "7d"}
    status, answer = call(f"{url}/predict", "POST", asked)
    assert (status, answer["prediction"] in {"bearish", "neutral", "bullish"}) == (200, True)
    status, answer = call(f"{url}/predict", "POST", asked | {"timeframe": "14d"})
    assert (status, "train all --recipe daily" in answer["detail"]) == (404, True)
    engine.signal(signal.SIGTERM)
    assert engine.ended() == 0
    assert not any("cycle.failed" in line for line in engine.lines)
