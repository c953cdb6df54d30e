"""The command line: bad usage prints one line and exits with 2."""

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import pytest
from nicegui import Client
from nicegui.testing.general import nicegui_reset_globals

from crypto_bot.app.cli import run_main
from crypto_bot.app.commands.flags import run_settings
from crypto_bot.app.daemon import Daemon
from crypto_bot.domain.errors import ConfigError
from tests.app.conftest import Run
from tests.e2e.processes import ROOT

pytestmark = pytest.mark.usefixtures("empty_folder")


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ("fly", "unknown command 'fly': use one of run, demo"),
        ("revew", "unknown command 'revew', did you mean review?"),
        ("train stats", "unknown subcommand 'stats', did you mean status?"),
        ("candles chek", "invalid choice: 'chek', did you mean check?"),
        ("export - --sorce HOLD", "unrecognized arguments: --sorce HOLD, did you mean --source?"),
        ("run --tf 7m", "unknown timeframe '7m': use one of 1m, 5m, 15m, 1h, 4h, 1d"),
        ("run --tf", "expected one argument"),
        ("run --speed 3", "unrecognized arguments: --speed 3"),
        ("run --use 1", "unrecognized arguments: --use 1"),
        ("run --use_ml maybe", "use_ml = 'maybe': use 1 or 0"),
        ("run --paper yes", "paper.enabled = 'yes': use 1 or 0"),
        ("candles check --remove yes", "'yes' is neither 1 nor 0"),
        ("run --device tpu", "device = 'tpu'"),
        ("run --port 99999", "api.port = '99999'"),
        ("run --host 0.0.0.0", "CRYPTO_BOT_API__TOKEN"),
        ("run --symbols_file gone.json", "symbols file gone.json: No such file"),
        ("run --config gone.toml", "settings file gone.toml: No such file"),
        ("candles", "required: command"),
        ("candles import", "required: path"),
        ("candles import gone", "no candles at gone"),
        ("candles sync --days 0", "0 is not at least 1"),
        ("candles check --database_url sqlite:////proc/none/x.db", "/proc/none"),
        ("backtest --since soon", "'soon' is not a time"),
        ("train", "crypto-bot train one --symbol"),
        ("replay", "use crypto-bot replay --verify"),
        ("review --window 1y", "invalid choice"),
        ("export log.xls", "must end in .csv or .parquet"),
        ("export /nowhere/log.csv --database_url sqlite://", "cannot be written"),
        ("export - --source ORACLE", "invalid choice: 'ORACLE'"),
        ("export - --since yesterday", "is not a time"),
        ("export - --symbol BCT --database_url sqlite://", "no BCT here"),
        ("export - --symbol BTCUSD --database_url sqlite://", "did you mean BTCUSDT?"),
        ("candles export x --symbols BTC --database_url sqlite://", "no BTC here: there are none"),
    ],
)
def test_bad_usage_is_one_line(
    arguments: str, expected: str, run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    command, *flags = arguments.split()
    code, printed = run(command, *flags)
    assert (code, printed.count("\n")) == (2, 1), printed
    assert expected in printed
    if command == "run":
        assert run_main(flags) == 2
        assert capsys.readouterr().err == printed


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("--exchange nowhere", "nowhere"),
        ("--exchange sim --symbols_file symbols.json", "NOSUCHUSDT"),
    ],
)
def test_what_only_a_started_engine_can_refuse(words: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "symbols.json").write_text('["BTCUSDT", "NOSUCHUSDT"]')
    settings = run_settings([*words.split(), "--port", "0", "--use_ml", "0"])
    with nicegui_reset_globals():
        try:
            with pytest.raises(ConfigError, match=message):
                asyncio.run(Daemon(settings).run())
        finally:
            Client.page_routes.clear()  # else NiceGUI would unload the modules of our pages


def test_device_cuda_needs_a_gpu(run: Run, tmp_path: Path) -> None:
    import torch  # noqa: PLC0415 - slow to import, for one test

    if torch.cuda.is_available():
        pytest.skip("this machine has CUDA")
    (tmp_path / "coins.json").write_text('["BTCUSDT"]')
    code, printed = run("run", "--device", "cuda", "--symbols_file", "coins.json")
    assert code == 2
    assert "this machine has no CUDA GPU" in printed


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("re", {"recipes", "review", "replay"}),
        ("train ", {"one", "all", "status"}),
        ("candles ex", {"export "}),
        ("export log.csv --sym", {"--symbol "}),
        ("train status --data", {"--database_url "}),
    ],
)
def test_a_shell_is_told_what_may_come_next(line: str, expected: set[str], tmp_path: Path) -> None:
    """As bash asks: the line in the environment, the answer in a file."""
    typed = f"crypto-bot {line}"
    answer = tmp_path / "answer"
    asked = {
        "COMP_LINE": typed,
        "COMP_POINT": str(len(typed)),
        "_ARGCOMPLETE": "1",
        "_ARGCOMPLETE_SHELL": "bash",
        "_ARGCOMPLETE_STDOUT_FILENAME": str(answer),
    }
    subprocess.run(
        [sys.executable, "-c", "from crypto_bot.app.cli import main; main()"],
        cwd=ROOT,
        env={**os.environ, **asked},
        check=True,
    )
    offered = set(answer.read_text().split("\v"))
    assert {each for each in offered if each not in {"--help", "-h"}} == expected


@pytest.mark.parametrize("arguments", [[], ["--help"], ["-h"]])
def test_help_names_the_commands(arguments: list[str], run: Run) -> None:
    code, printed = run(*arguments)
    assert code == 0
    assert all(command in printed for command in ("run", "sim", "candles", "backtest"))


def test_train_has_help(run: Run) -> None:
    assert run("train", "--help") == run("train", "-h")
    code, printed = run("train", "--help")
    assert code == 0
    assert "status" in printed


@pytest.mark.parametrize("command", ["run", "candles", "backtest", "train one"])
def test_every_command_has_help(command: str, capsys: pytest.CaptureFixture[str], run: Run) -> None:
    with pytest.raises(SystemExit) as ended:
        run(*command.split(), "--help")
    assert ended.value.code == 0
    assert f"crypto-bot {command}" in capsys.readouterr().out


def test_sim_runs_the_simulated_exchange() -> None:
    command = [sys.executable, "-c", "from crypto_bot.app.cli import main; main()", "sim"]
    done = subprocess.run(
        [*command, "--speed", "0"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "speed 0.0 is not in 0..1000000: 1 is real time\n"
