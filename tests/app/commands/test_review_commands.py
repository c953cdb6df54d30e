"""`crypto-bot review` and `crypto-bot export`."""

from __future__ import annotations

import csv
import os
import pty
import signal
import subprocess
import sys
from contextlib import suppress
from io import StringIO
from pathlib import Path

import pyarrow.parquet
import pytest

from crypto_bot.adapters.store.database import Database
from crypto_bot.domain.signal import Source
from crypto_bot.models.artifact import publish
from tests.adapters.web.page.made_figures import stored_calls
from tests.app.conftest import Run
from tests.e2e.processes import ROOT
from tests.models.made_models import tiny_model
from tests.reports.made_calls import T0, call, market


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A database with eight days of calls of a model and a few of a rule."""
    url = f"sqlite:///{tmp_path_factory.mktemp('log') / 'log.db'}"
    database = Database.open(url)
    rules = [call(at, source=Source.RSI_MA, pred="SHORT", return_bps=-50.0) for at in range(40)]
    stored_calls(database, [*market(8), *rules])
    database.close()
    return url


def test_review_prints_the_main_tables_and_the_models(url: str, tmp_path: Path, run: Run) -> None:
    model = tiny_model("BTCUSDT")
    publish(model, tmp_path / "models")
    arguments = ("--models_dir", str(tmp_path / "models"), "--use_ml", "1")
    code, printed = run("review", "--database_url", url, *arguments)
    assert code == 0
    assert "Below break-even. Hit rate 31%" in printed
    rows = {line.split("│")[1].strip(): line for line in printed.splitlines() if "│" in line}
    assert "│        1 │    40 │" in rows["RSI_MA SHORT"]  # forty in a row are one decision
    assert {"ML_PER_COIN_V1 LONG", "random side", "C0USDT", "20 to 30 bp", "NO_TRADE"} <= set(rows)
    assert "P(long) of ML: calibration error" in printed
    assert "(below 0 is better)" in printed
    (line,) = [line for line in printed.splitlines() if model.version in line and "BTCUSDT" in line]
    assert "STALE: its data ended on 2025-10-09, 45 days are the limit" in line
    # Of a selection.
    chosen = ("--use_ml", "0", "--source", "ml", "--side", "long", "--window", "7d")
    code, printed = run("review", "--database_url", url, *chosen)
    assert code == 0
    assert "7 d, ML, LONG" in printed
    assert "RSI_MA" not in printed
    assert "ML_PER_COIN_V1 SHORT" not in printed


@pytest.mark.slow
def test_a_watched_review_follows_the_log(tmp_path: Path, run: Run) -> None:
    """On a terminal alone, where Ctrl-C ends it."""
    url = f"sqlite:///{tmp_path / 'log.db'}"
    words = ("review", "--use_ml", "0", "--database_url", url)
    code, printed = run(*words, "--watch")
    assert (code, "draws on a terminal" in printed) == (2, True)
    database = Database.open(url)
    stored_calls(database, market(2))
    ours, theirs = pty.openpty()
    terminal = {"TERM": "xterm", "COLUMNS": "120", "LINES": "60", "PYTHONPATH": str(ROOT)}
    # In the background of a shell Ctrl-C is ignored, and a child inherits that.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    child = subprocess.Popen(
        [sys.executable, "-m", "crypto_bot", *words, "--watch"],
        env={**os.environ, **terminal},
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
    )
    signal.signal(signal.SIGINT, before)
    os.close(theirs)
    shown = ""
    for text in ("(192 calls)", "(288 calls)"):
        while text not in shown:
            shown += os.read(ours, 65_536).decode(errors="replace")
        stored_calls(database, market(3)[192:])
    child.send_signal(signal.SIGINT)
    with suppress(OSError):  # how a terminal ends that nobody writes to any more
        while os.read(ours, 65_536):  # else what it still draws would fill the terminal
            pass
    assert child.wait() == 0
    os.close(ours)
    database.close()


def test_review_of_an_empty_database(run: Run) -> None:
    code, printed = run("review", "--database_url", "sqlite://", "--use_ml", "0")
    assert (code, printed.count("\n")) == (0, 1)
    assert "start the engine first" in printed


def test_export_to_parquet_and_csv_agree(url: str, tmp_path: Path, run: Run) -> None:
    for name in ("log.parquet", "log.csv"):
        printed = f"808 predictions of 15m -> {tmp_path / name}\n"
        assert run("export", str(tmp_path / name), "--database_url", url) == (0, printed)
    table = pyarrow.parquet.read_table(tmp_path / "log.parquet").to_pylist()
    with (tmp_path / "log.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(table) == len(rows) == 8 * 24 * 4 + 40
    assert [row["id"] for row in table] == [row["id"] for row in rows]
    assert [row["return_bps"] for row in table] == [float(row["return_bps"]) for row in rows]
    opens = [row["candle_open"] for row in rows]
    assert opens == sorted(opens, reverse=True)
    assert list(tmp_path.glob("*.part")) == []


def test_export_filters(url: str, run: Run) -> None:
    arguments = ("--symbol", "btcusdt", "--source", "rsi_ma", "--since", "2025-12-01T01:00")
    until = ("--until", "2025-12-01T02:00")
    code, printed = run("export", "-", "--database_url", url, *arguments, *until)
    assert code == 0
    rows = list(csv.DictReader(StringIO(printed)))
    assert [row["id"] for row in rows] == [
        f"BTCUSDT:15m:{T0 + at * 900_000}" for at in (7, 6, 5, 4)
    ]
    assert {row["source"] for row in rows} == {"RSI_MA"}
    assert {row["correct"] for row in rows} == {"False"}
