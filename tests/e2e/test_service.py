"""The daemon under a service manager: a real datagram socket in systemd's place."""

from __future__ import annotations

import signal
import socket
from pathlib import Path

import pytest

from tests.conftest import Start

pytestmark = pytest.mark.slow


def test_ready_then_signs_of_life_then_the_end(daemon: Start, tmp_path: Path) -> None:
    (tmp_path / "coins.json").write_text('["BTCUSDT"]')
    address = str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(address)
        manager.settimeout(150)
        engine = daemon(
            *("--exchange", "sim", "--use_ml", "0"),
            *("--symbols_file", str(tmp_path / "coins.json")),
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
