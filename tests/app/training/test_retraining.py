"""Training that the daemon starts: real processes, one at a time, their end noticed."""

import json
import os
import sys
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI

from crypto_bot.adapters.store.database import Database
from crypto_bot.adapters.store.training_runs import SqlTrainingRuns
from crypto_bot.adapters.web.training import Training, serve_training
from crypto_bot.app.settings import RetrainSettings, Settings
from crypto_bot.app.training.retraining import Retrainer, train_command
from crypto_bot.domain.errors import ConfigError, TrainingError
from tests.e2e.processes import ROOT

STAND_IN = """
import json, os, pathlib, sys
seen = {name: value for name, value in os.environ.items() if name.startswith("CRYPTO_BOT_")}
seen |= {"nice": os.nice(0), "leads": os.getsid(0) == os.getpid()}
print(json.dumps(seen), flush=True)
os.read(os.open(sys.argv[1], os.O_RDONLY), 1)
sys.exit(3)
"""


def settings(folder: Path) -> Settings:
    (folder / "symbols.json").write_text('["BTCUSDT"]')
    return Settings(
        tf="1h",
        symbols_file=folder / "symbols.json",
        models_dir=folder / "models",
        database_url=f"sqlite:///{folder / 'store.db'}",
    )


async def finished(retrainer: Retrainer) -> None:
    assert retrainer._watch is not None
    await retrainer._watch


async def test_one_run_at_a_time_apart_from_the_daemon(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    gate = tmp_path / "gate"
    os.mkfifo(gate)
    retrainer = Retrainer(settings(tmp_path), (sys.executable, "-c", STAND_IN, str(gate)))
    await retrainer.start()
    with pytest.raises(TrainingError, match="a training run is under way"):
        await retrainer.start()
    gate.write_bytes(b"!")  # waits until it has been opened there
    await finished(retrainer)
    seen = json.loads(retrainer.log.read_text())
    assert (seen["nice"], seen["leads"]) == (min(19, os.nice(0) + 15), True)
    assert seen["CRYPTO_BOT_DATABASE_URL"].endswith("store.db")
    log = capsys.readouterr().out
    assert "train.launched" in log
    assert "train.finished" in log
    assert "exit_code=3" in log


async def test_the_api_starts_the_real_command_and_refuses_a_second(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    asked = settings(tmp_path)
    database = Database.open(asked.database_url)
    retrainer = Retrainer(asked)
    app = FastAPI(telemetry={"auto_configure": False})
    serve_training(app, Training(SqlTrainingRuns(database, asked.timeframe), retrainer))
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
        assert (await client.get("/api/training")).json() == {"runs": []}
        assert (await client.post("/api/training")).status_code == 202
        second = await client.post("/api/training")
    assert second.status_code == 409
    assert "under way" in second.json()["detail"]
    await finished(retrainer)
    database.close()
    assert "BTCUSDT" in retrainer.log.read_text()  # it has no candles
    assert "exit_code=" in capsys.readouterr().out


def test_a_schedule_that_is_none_is_one_line(tmp_path: Path) -> None:
    asked = settings(tmp_path)
    bad = asked.model_copy(update={"retrain": RetrainSettings(schedule="every Sunday")})
    with pytest.raises(ConfigError, match="schedule = 'every Sunday' is no cron expression"):
        Retrainer(bad)


async def test_the_schedule_is_kept(tmp_path: Path) -> None:
    asked = settings(tmp_path)
    weekly = asked.model_copy(update={"retrain": RetrainSettings(schedule="0 3 * * 0")})
    retrainer = Retrainer(weekly, (sys.executable, "-c", ""))
    retrainer.open()
    (job,) = retrainer._scheduler.get_jobs()
    due = job.next_run_time
    # To cron, 0 is Sunday; the scheduler counts from Monday.
    assert (f"{due:%A}", due.hour, due.minute) == ("Sunday", 3, 0)
    await job.func()
    await finished(retrainer)
    retrainer.close()


def test_the_command_names_what_differs_and_no_password(tmp_path: Path) -> None:
    asked = settings(tmp_path)
    named = f"--symbols_file {asked.symbols_file} --models_dir {asked.models_dir}"
    expected = f"crypto-bot train all --tf 1h {named} --database_url {asked.database_url}"
    assert train_command(asked) == expected
    remote = Settings(database_url="postgresql://me:hush@there/db")
    assert train_command(remote) == "crypto-bot train all"
