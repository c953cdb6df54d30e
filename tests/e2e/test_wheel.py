"""The wheel, unpacked and used in an empty folder with nothing of the repository in sight."""

from __future__ import annotations

import csv
import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from crypto_bot.app.symbols import load_symbols
from tests.conftest import Start
from tests.e2e.processes import ROOT, call

pytestmark = pytest.mark.slow
CLI = ("-c", "from crypto_bot.app.cli import main; raise SystemExit(main())")
PACKAGES = ("crypto_bot", "simulated_exchange")
BARS, STEP_MS, START_MS = 42_000, 900_000, 1_735_689_600_000


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Made from the source distribution, as installers do that find no wheel; unpacked."""
    made = tmp_path_factory.mktemp("dist")
    build = (sys.executable, "-m", "hatchling", "build", "-d", str(made))
    subprocess.run([*build, "-t", "sdist"], cwd=ROOT, check=True, capture_output=True)
    (archive,) = made.glob("*.tar.gz")
    subprocess.run(["tar", "xzf", archive.name], cwd=made, check=True)
    source = made / archive.name.removesuffix(".tar.gz")
    subprocess.run([*build, "-t", "wheel"], cwd=source, check=True, capture_output=True)
    (built,) = made.glob("*.whl")
    unpacked = made / "unpacked"
    with zipfile.ZipFile(built) as file:
        file.extractall(unpacked)
    _take_compiled(unpacked)
    return unpacked


def _take_compiled(unpacked: Path) -> None:
    """The kernels that are compiled in the repository: anew they take a minute of a processor."""
    for compiled in ROOT.glob("crypto_bot/**/__pycache__/*.nb[ic]"):
        folder = unpacked / compiled.parent.relative_to(ROOT)
        folder.mkdir(exist_ok=True)
        shutil.copy(compiled, folder)
    for path in unpacked.glob("crypto_bot/**/*.py"):
        made = (ROOT / path.relative_to(unpacked)).stat().st_mtime_ns
        os.utime(path, ns=(made, made))  # numba takes code compiled from a file of this time


def test_the_wheel_has_every_file_of_the_packages(wheel: Path) -> None:
    files = (path for package in PACKAGES for path in (ROOT / package).rglob("*"))
    kept = {path.relative_to(ROOT) for path in files if path.is_file()}
    names = {path for path in kept if "__pycache__" not in path.parts}
    assert {path for path in names if not (wheel / path).is_file()} == set()
    assert max(path.stat().st_size for path in wheel.rglob("*") if path.is_file()) <= 3_000_000


def test_the_demo_has_a_past_and_goes_on_with_the_model_that_ends_before_it(
    start: Start, tmp_path: Path, wheel: Path
) -> None:
    words = ("demo", "--port", "0", "--device", "cpu")
    engine = start(*CLI, *words, PYTHONPATH=str(wheel))
    started = engine.event("engine.started")
    url = started["url"]
    assert (started["folder"], started["models"]) == (str(tmp_path), "models/demo")
    assert engine.event("engine.loading")["of_candles"] == 24 * 96 + 29
    while engine.event("cycle.finished")["owed"]:
        pass
    _, answer = call(f"{url}/api/predictions")
    assert len(answer["predictions"]) == 32
    assert {each["source"] for each in answer["predictions"].values()} == {"ML_PER_COIN_V1"}
    _, shipped = call(f"{url}/api/models/BTCUSDT")
    assert (shipped["pooled"], shipped["served"]) == (True, True), shipped["reason"]
    _, paper = call(f"{url}/api/paper")
    assert all(account["closed_trades"] for account in paper["accounts"])
    assert {path.name for path in tmp_path.iterdir()} == {"data", "models"}
    assert len([*(tmp_path / "data").glob("demo-*.db")]) == 1
    assert [line for line in engine.lines if not line.startswith("{")] == []


def test_an_engine_runs_on_the_exchange_at_an_address(
    start: Start, tmp_path: Path, wheel: Path
) -> None:
    coins = ["BTCUSDT", "ETHUSDT"]
    (tmp_path / "coins.json").write_text(json.dumps(coins))
    flags = ("--tf", "15m", "--symbols", ",".join(coins))
    sim = start("-m", "simulated_exchange", *flags, PYTHONPATH=str(wheel)).event("sim.ready")
    engine = start(
        *(*CLI, "run", "--exchange_url", sim["url"], "--symbols_file", "coins.json"),
        *("--port", "0", "--device", "cpu"),
        PYTHONPATH=str(wheel),
        CRYPTO_BOT_ENGINE__RECORD_BARS="4",
        CRYPTO_BOT_RETRAIN__FIRST="0",
    )
    url = engine.event("engine.started")["url"]
    while engine.event("cycle.finished")["owed"]:
        pass
    _, answer = call(f"{url}/api/predictions")
    assert [*answer["predictions"]] == coins
    _, model = call(f"{url}/api/models/BTCUSDT")
    assert model["pooled"], "the pool's model is in the wheel"


def test_the_coins_are_those_of_the_repository(tmp_path: Path, wheel: Path) -> None:
    program = "from crypto_bot.app.symbols import *; print(*load_symbols(SYMBOLS))"
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(wheel)},
        check=True,
        capture_output=True,
        text=True,
    )
    assert done.stdout.split() == [*load_symbols(ROOT / "symbols_32.json")]


def test_training_on_one_csv(tmp_path: Path, wheel: Path) -> None:
    path = tmp_path / "BTCUSDT.csv"
    with path.open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(("timestamp", "open", "high", "low", "close", "volume"))
        for bar in range(BARS):
            price = 100 + bar % 37 - bar % 11
            rows.writerow((START_MS + bar * STEP_MS, price, price + 2, price - 2, price + 1, 5))
    words = ("train", "one", "--symbol", "BTC", "--csv", path.name, "--dry_run", "1")
    done = subprocess.run(
        [sys.executable, *CLI, *words],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(wheel), "COLUMNS": "200"},
        check=False,
        capture_output=True,
        text=True,
    )
    assert "BTCUSDT" in done.stdout, done.stderr
    assert done.returncode == 0, done.stderr
