"""What only a started engine can refuse: one clear line, exit code 2, no traceback."""

import socket
from pathlib import Path

import pytest

from tests.conftest import Start
from tests.e2e.processes import Process

pytestmark = pytest.mark.slow

SIM = ("--exchange", "sim", "--use_ml", "0")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ((*SIM, "--database_url", "sqlite:////proc/none/engine.db"), "/proc/none"),
        (("--use_ml", "0", "--exchange", "nowhere"), "nowhere"),
    ],
)
def test_flags(words: tuple[str, ...], message: str, daemon: Start) -> None:
    refused(daemon(*words), message)


def test_a_coin_that_is_not_traded(daemon: Start, tmp_path: Path) -> None:
    path = tmp_path / "symbols.json"
    path.write_text('["BTCUSDT", "NOSUCHUSDT"]')
    refused(daemon(*SIM, "--symbols_file", str(path)), "NOSUCHUSDT")


def test_a_port_that_is_taken(daemon: Start) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = str(listener.getsockname()[1])
        refused(daemon(*SIM, "--port", port), f"port {port} of 127.0.0.1 is taken")


def refused(engine: Process, message: str) -> None:
    assert engine.ended() == 2
    lines = [line for line in engine.lines if not line.startswith("{")]
    assert len(lines) == 1, engine.lines
    assert lines[0].startswith("crypto-bot: ")
    assert message in lines[0]
