"""The daemon as a user starts it, on the simulated exchange."""

import json
import signal
import socket
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import psutil
import pytest

from tests.conftest import Start
from tests.e2e.processes import Process, call

pytestmark = pytest.mark.slow
SYMBOLS = ["BTCUSDT", "ETHUSDT", "SOLUSDT", "ATOMUSDT", "DOTUSDT", "OPUSDT"]
TOKEN = "hush-hush-token-hush-hush"
SIM = ("--exchange", "sim", "--use_ml", "0")


def test_signals_for_every_coin_then_outcomes_then_an_orderly_end(daemon: Start) -> None:
    engine = daemon(*SIM, CRYPTO_BOT_SIM__SPEED="600")
    url = engine.event("engine.started")["url"]
    status, health = call(f"{url}/healthz")
    assert (status, health["status"]) in {(503, "starting"), (200, "running")}
    while not engine.event("cycle.finished")["outcomes"]:
        pass
    _, answer = call(f"{url}/api/predictions")
    assert answer["success"] is True
    assert answer["count"] == 32
    while call(f"{url}/healthz")[1]["status"] != "running":  # a busy machine is behind at times
        engine.event("cycle.finished")
    _, models = call(f"{url}/api/models")
    assert models["models"] == {}
    assert "--use_ml 1" in models["note"]
    assert "libtorch" not in Path(f"/proc/{engine.pid}/maps").read_text()
    refused(daemon(*SIM), f"another engine (pid {engine.pid})")
    engine.signal(signal.SIGTERM)
    assert engine.ended() == 0


def test_an_engine_whose_simulated_exchange_ends_says_so_and_ends(rules: Start) -> None:
    engine = rules("BTCUSDT", CRYPTO_BOT_ENGINE__RECORD_BARS="20", CRYPTO_BOT_SIM__SPEED="600")
    engine.event("cycle.finished")
    (child,) = psutil.Process(engine.pid).children()
    child.kill()
    assert engine.ended() == 1
    assert "the simulated exchange ended (exit code -9)" in engine.lines[-1]


def test_a_service_manager_sees_it_ready_alive_and_ended(rules: Start, tmp_path: Path) -> None:
    """A real datagram socket in systemd's place."""
    address = str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(address)
        manager.settimeout(150)
        engine = rules(
            "BTCUSDT",
            CRYPTO_BOT_ENGINE__RECORD_BARS="20",
            NOTIFY_SOCKET=address,
            WATCHDOG_USEC="400000",
        )
        state = manager.recv(4096).decode()
        assert state.startswith("READY=1\nSTATUS=starting: no signals yet")
        while not state.endswith("STATUS=running"):
            state = manager.recv(4096).decode()
            assert state.startswith("WATCHDOG=1\n")
        engine.signal(signal.SIGTERM)
        while state.startswith("WATCHDOG=1\n"):
            state = manager.recv(4096).decode()
        assert state == "STOPPING=1\nSTATUS=stopping"
        assert engine.ended() == 0


def test_the_token_is_required_and_never_shown(rules: Start) -> None:
    engine = rules(
        "BTCUSDT",
        CRYPTO_BOT_PAPER__ENABLED="0",
        CRYPTO_BOT_API__TOKEN=TOKEN,
        CRYPTO_BOT_LOG__LEVEL="debug",
        CRYPTO_BOT_ENGINE__RECORD_BARS="20",
    )
    url = engine.event("engine.started")["url"]
    engine.event("cycle.finished")
    answers = []
    for path in ("/api/predictions", "/docs", "/openapi.json", "/metrics", "/nothing"):
        for headers, expected in (({}, {401}), ({"Authorization": f"Bearer {TOKEN}"}, {200, 404})):
            status, text = asked(Request(f"{url}{path}", headers=headers))
            assert status in expected, path
            answers.append(text)
    headers = {"Authorization": f"Bearer {TOKEN}"}
    assert '"accounts":[]' in asked(Request(f"{url}/api/paper", headers=headers))[1]
    status, text = asked(Request(f"{url}/login", data=f"token={TOKEN}x".encode()))
    assert status == 401
    engine.event("login.refused")
    engine.signal(signal.SIGTERM)
    assert engine.ended() == 0
    assert TOKEN not in "\n".join([*engine.lines, *answers, text])


def asked(request: Request) -> tuple[int, str]:
    """Status, and head and body of the answer."""
    try:
        with urlopen(request, timeout=150) as reply:
            return reply.status, f"{reply.headers}{reply.read().decode()}"
    except HTTPError as error:
        with error:
            return error.code, f"{error.headers}{error.read().decode()}"


def refused(engine: Process, message: str) -> None:
    assert engine.ended() == 2
    lines = [line for line in engine.lines if not line.startswith("{")]
    assert len(lines) == 1, engine.lines
    assert lines[0].startswith("crypto-bot: ")
    assert message in lines[0]


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


def test_a_client_across_a_killed_engine_misses_no_signal(rules: Start) -> None:
    coins = ("BTCUSDT", "ETHUSDT", "SOLUSDT")
    fast = {"CRYPTO_BOT_SIM__SPEED": "900", "CRYPTO_BOT_ENGINE__RECORD_BARS": "20"}
    engine = rules(*coins, **fast)
    url = engine.event("engine.started")["url"]
    engine.event("cycle.finished")
    last, received = listen(url, None, 4)  # cut in the midst of a commit
    for _ in range(3):  # committed while no client is connected
        engine.event("cycle.finished")
    engine.signal(signal.SIGKILL)
    engine.ended()
    engine = rules(*coins, **fast)
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


def started(rules: Start) -> tuple[Process, str]:
    """An engine whose rules trade often, on a fast simulated market; and its address."""
    engine = rules(
        *SYMBOLS,
        CRYPTO_BOT_SIM__SPEED="450",
        CRYPTO_BOT_ENGINE__RECORD_BARS="40",
        CRYPTO_BOT_ENGINE__ANALYZER_THRESHOLD="0.05",
    )
    return engine, engine.event("engine.started")["url"]


def test_fills_are_streamed_and_the_stop_file_ends_them(rules: Start, tmp_path: Path) -> None:
    engine, url = started(rules)
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

    engine, url = started(rules)
    engine.event("cycle.finished")
    report = call(f"{url}/api/paper")[1]
    assert (report["kill_switch"]["on"], report["kill_switch"]["by"]) == (True, "file")
    assert call(f"{url}/api/paper/resume", "POST", {"confirm": "RESUME"})[0] == 200
    assert not (tmp_path / "PAPER_STOP").exists()
    engine.event("paper.opened")
