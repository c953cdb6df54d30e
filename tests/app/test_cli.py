"""The command line: bad usage prints one line and exits with 2."""

import subprocess
import sys
from pathlib import Path

import pytest

from crypto_bot.app.cli import main, run_main
from tests.e2e.processes import ROOT


@pytest.fixture(autouse=True)
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def refused(code: int, capsys: pytest.CaptureFixture[str]) -> str:
    printed = capsys.readouterr()
    assert code == 2
    assert printed.out == ""
    lines = printed.err.splitlines()
    assert len(lines) == 1, printed.err
    return lines[0]


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("--tf", "7m"), "unknown timeframe '7m': use one of 1m, 5m, 15m, 1h, 4h, 1d"),
        (("--tf",), "expected one argument"),
        (("--speed", "3"), "unrecognized arguments: --speed 3"),
        (("--use", "1"), "unrecognized arguments: --use 1"),
        (("--use_ml", "maybe"), "use_ml = 'maybe'"),
        (("--device", "tpu"), "device = 'tpu'"),
        (("--port", "99999"), "api.port = '99999'"),
        (("--host", "0.0.0.0"), "CRYPTO_BOT_API__TOKEN"),
        (("--symbols_file", "gone.json"), "symbols file gone.json: No such file"),
        (("--config", "gone.toml"), "settings file gone.toml: No such file"),
    ],
)
def test_flags_of_the_daemon(
    arguments: tuple[str, ...], expected: str, capsys: pytest.CaptureFixture[str]
) -> None:
    line = refused(run_main(arguments), capsys)
    assert line.startswith("crypto-bot: ")
    assert expected in line
    assert refused(main(["run", *arguments]), capsys) == line


def test_device_cuda_needs_a_gpu(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    import torch  # noqa: PLC0415 - slow to import, for one test

    if torch.cuda.is_available():
        pytest.skip("this machine has CUDA")
    (tmp_path / "coins.json").write_text('["BTCUSDT"]')
    arguments = ("--use_ml", "1", "--device", "cuda", "--symbols_file", "coins.json")
    assert "torch finds no CUDA GPU" in refused(run_main(arguments), capsys)


def test_unknown_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert "unknown command 'fly': use one of run, sim" in refused(main(["fly"]), capsys)


@pytest.mark.parametrize("arguments", [[], ["--help"], ["-h"]])
def test_help_names_the_commands(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 0
    printed = capsys.readouterr().out
    assert all(command in printed for command in ("run", "sim", "candles", "backtest"))


def test_sim_runs_the_simulated_exchange() -> None:
    command = [sys.executable, "-c", "from crypto_bot.app.cli import main; main()", "sim"]
    done = subprocess.run(
        [*command, "--speed", "0"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "speed 0.0 is not in 0..1000000: 1 is real time\n"


@pytest.mark.parametrize("command", ["run", "candles", "backtest"])
def test_every_command_has_help(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main([command, "--help"])
    assert ended.value.code == 0
    assert f"crypto-bot {command}" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("candles",), "required: command"),
        (("candles", "import"), "required: path"),
        (("candles", "import", "gone"), "no candles at gone"),
        (("candles", "sync", "--days", "0"), "0 is not at least 1"),
        (("candles", "check", "--database_url", "sqlite:////proc/none/x.db"), "/proc/none"),
        (("backtest", "--since", "soon"), "'soon' is not a time"),
    ],
)
def test_flags_of_other_commands(
    arguments: tuple[str, ...], expected: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert expected in refused(main(arguments), capsys)
