"""`/api/stream` of a real daemon that is killed while a client listens."""

from __future__ import annotations

import json
import signal
from pathlib import Path
from urllib.request import Request, urlopen

import pytest

from tests.conftest import Start
from tests.e2e.processes import call

pytestmark = pytest.mark.slow


def listen(url: str, last: str | None, signals: int) -> tuple[str, list[str]]:
    """The ids of the next signals, and that of the last event."""
    ids: list[str] = []
    headers = {} if last is None else {"Last-Event-ID": last}
    with urlopen(Request(f"{url}/api/stream", headers=headers), timeout=150) as stream:
        fields: dict[str, str] = {}
        for raw in stream:
            name, _, value = raw.decode().rstrip("\n").partition(": ")
            fields[name] = value
            if name:
                continue
            last = fields.get("id", last)
            if fields.get("event") == "signal":
                signal_ = json.loads(fields["data"])
                ids.append(f"{signal_['symbol']}:15m:{signal_['candle_open_ms']}")
                if len(ids) == signals:
                    break
            fields = {}
    assert last is not None
    return last, ids


def test_a_client_across_a_killed_engine_misses_no_signal(daemon: Start, tmp_path: Path) -> None:
    (tmp_path / "coins.json").write_text('["BTCUSDT", "ETHUSDT", "SOLUSDT"]')
    words = ("--exchange", "sim", "--use_ml", "0", "--symbols_file", str(tmp_path / "coins.json"))
    fast = {"CRYPTO_BOT_SIM__SPEED": "900", "CRYPTO_BOT_ENGINE__RECORD_BARS": "20"}
    engine = daemon(*words, **fast)
    url = engine.event("engine.started")["url"]
    engine.event("cycle.finished")
    last, received = listen(url, None, 4)  # cut in the midst of a commit
    for _ in range(3):  # committed while no client is connected
        engine.event("cycle.finished")
    engine.signal(signal.SIGKILL)
    engine.ended()
    engine = daemon(*words, **fast)
    url = engine.event("engine.started")["url"]
    for _ in range(2):
        engine.event("cycle.finished")
    last, more = listen(url, last, 18)
    received += more
    _, log = call(f"{url}/api/signals?limit=500")
    stored = [each["id"] for each in log["signals"]][::-1]
    first, end = stored.index(received[0]), max(map(stored.index, set(received)))
    assert set(received) == set(stored[first : end + 1])
    assert len(set(received)) >= 18
