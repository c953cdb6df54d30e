"""The daemon trades on paper, and its kill switch holds."""

from __future__ import annotations

import json
import signal
from pathlib import Path
from urllib.request import urlopen

import pytest

from tests.conftest import Start
from tests.e2e.processes import Process, call

pytestmark = pytest.mark.slow

SYMBOLS = ["BTCUSDT", "ETHUSDT", "SOLUSDT", "ATOMUSDT", "DOTUSDT", "OPUSDT"]


def started(daemon: Start, tmp_path: Path) -> tuple[Process, str]:
    """An engine whose rules trade often, on a fast simulated market; and its address."""
    symbols = tmp_path / "symbols.json"
    symbols.write_text(json.dumps(SYMBOLS))
    engine = daemon(
        *("--exchange", "sim", "--use_ml", "0", "--symbols_file", str(symbols)),
        CRYPTO_BOT_SIM__SPEED="450",
        CRYPTO_BOT_ENGINE__RECORD_BARS="40",
        CRYPTO_BOT_ENGINE__ANALYZER_THRESHOLD="0.05",
    )
    return engine, engine.event("engine.started")["url"]


def test_fills_are_streamed_and_the_stop_file_ends_them(daemon: Start, tmp_path: Path) -> None:
    engine, url = started(daemon, tmp_path)
    with urlopen(f"{url}/api/stream", timeout=150) as stream:
        lines = iter(lambda: stream.readline().decode(), "")
        opened = engine.event("paper.opened")
        assert any(line == "event: paper\n" for line in lines)
    assert opened["symbol"] in SYMBOLS
    report = call(f"{url}/api/paper")[1]
    assert [account["name"] for account in report["accounts"]] == ["spot", "perp"]
    assert any(each["open_positions"] or each["closed_trades"] for each in report["accounts"])
    (tmp_path / "PAPER_STOP").touch()
    assert engine.event("paper.closed")["reason"] in {"KILL", "SL", "TP1", "TIME"}
    engine.event("paper.refused")
    engine.signal(signal.SIGKILL)
    engine.ended()

    engine, url = started(daemon, tmp_path)
    engine.event("cycle.finished")
    report = call(f"{url}/api/paper")[1]
    assert (report["kill_switch"]["on"], report["kill_switch"]["by"]) == (True, "file")
    assert call(f"{url}/api/paper/resume", "POST", {"confirm": "RESUME"})[0] == 200
    assert not (tmp_path / "PAPER_STOP").exists()
    engine.event("paper.opened")
