"""The command line: one line when it is ready, one line when it cannot be."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from simulated_exchange.command import main


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_prints_its_address_and_ends_on_a_signal(number: signal.Signals) -> None:
    command = [sys.executable, "-m", "simulated_exchange", "--speed", "60", "--seed", "3"]
    command += ["--tf", "1m", "--start", "2025-12-01T00:00:30", "--fault_rate", "0"]
    with subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        ready = json.loads(process.stdout.readline())
        assert ready["event"] == "sim.ready"
        assert (ready["origin_ms"], ready["speed"]) == (1_764_547_230_000, 60.0)
        info = httpx.get(f"{ready['url']}/api/v3/exchangeInfo", timeout=120).json()
        assert len(info["symbols"]) == 32
        process.send_signal(number)
        assert process.wait() == 0
        assert process.stderr.read() == ""


def test_it_ends_an_interval_after_the_last_of_its_candles(tmp_path: Path) -> None:
    rows = "".join(f"{1_764_547_200_000 + at * 60_000},5,6,4,5,1\n" for at in range(3))
    (tmp_path / "BTCUSDT.csv").write_text(f"timestamp,open,high,low,close,volume\n{rows}")
    words = ["--candles", str(tmp_path), "--symbols", "BTCUSDT", "--tf", "1m", "--speed", "600"]
    assert main([*words, "--start", "2025-12-01T00:01:00"]) == 0


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["--tf", "7m"], "invalid choice: '7m'"),
        (["--speed", "0"], "speed 0.0 is not in"),
        (["--start", "soon"], "'soon' is no time such as 2025-01-01"),
        (["--fault_rate", "5"], "fault_rate 5.0 is not in 0..1"),
        (["--port", "70000"], "port 70000"),
        (["--seed", "-1"], "a negative one was given"),
        (["--candles", "/no/such"], "no folder of candles at /no/such"),
        (["--symbols_file", "/no/such"], "/no/such"),
        (["--sped", "3"], "unrecognized arguments: --sped"),
    ],
)
def test_what_cannot_be_is_one_line_and_exit_code_2(
    argv: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(argv) == 2
    output = capsys.readouterr()
    assert message in output.err
    assert output.err.count("\n") == 1
    assert output.out == ""


def test_unknown_symbols_and_a_taken_port_too(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    symbols = tmp_path / "symbols.json"
    symbols.write_text('["BTCUSDT", "FOOUSDT"]')
    assert main(["--symbols_file", str(symbols)]) == 2
    assert "does not list FOOUSDT" in capsys.readouterr().err
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert main(["--port", str(port)]) == 2
    assert f"cannot listen on 127.0.0.1:{port}" in capsys.readouterr().err
