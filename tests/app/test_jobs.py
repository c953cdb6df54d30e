"""Jobs beside the engine: real processes, one at a time, that outlive it and can be ended."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI

from crypto_bot.adapters.clock import SystemClock
from crypto_bot.adapters.store.database import Database
from crypto_bot.adapters.store.training_runs import SqlTrainingRuns
from crypto_bot.adapters.web.training import Training, serve_training
from crypto_bot.app.commands.flags import shared_environment
from crypto_bot.app.job_kinds import job_kinds
from crypto_bot.app.job_output import JobOutput
from crypto_bot.app.jobs import PROGRAM, JobRunner
from crypto_bot.app.settings import Settings
from crypto_bot.domain.errors import JobError
from crypto_bot.ports import TRAIN, Job
from tests.e2e.processes import ROOT

WORKERS = f" --max_workers {max(1, len(os.sched_getaffinity(0)) - 1)}"
NOW_MS = 1_764_547_200_000  # 2025-12-01T00:00Z
STAND_IN = """
import json, os, sys
seen = {name: value for name, value in os.environ.items() if name.startswith("CRYPTO_BOT_")}
seen |= {"nice": os.nice(0), "leads": os.getsid(0) == os.getpgid(0), "words": sys.argv[2:]}
print(json.dumps(seen))
print("BTCUSDT: 3 candles (1 of 4)", flush=True)
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


def runner(asked: Settings, *program: str) -> JobRunner:
    clock = SystemClock()
    folder, environment = asked.models_dir / ".jobs", shared_environment(asked)
    kinds = partial(job_kinds, asked, lambda: NOW_MS, lambda: None)
    return JobRunner(kinds, folder, clock.now_ms, environment, program or PROGRAM)


async def until(jobs: JobRunner, holds: Callable[[Job], bool]) -> Job:
    async with asyncio.timeout(120):
        while not holds(job := jobs.newest()[0]):  # noqa: ASYNC110 - another process
            await asyncio.sleep(0.01)
    return job


@pytest.fixture
def gate(tmp_path: Path) -> Path:
    os.mkfifo(tmp_path / "gate")
    return tmp_path / "gate"


async def test_one_job_at_a_time_apart_from_the_engine(
    tmp_path: Path, gate: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = settings(tmp_path)
    jobs = runner(asked, sys.executable, "-c", STAND_IN, str(gate))
    await jobs.start("backtest", {"days": "7", "sources": "rules"})
    job = await until(jobs, lambda job: job.total == 4)
    assert (job.state, job.done, job.lines[-1]) == ("running", 1, "BTCUSDT: 3 candles (1 of 4)")
    assert job.command.startswith("crypto-bot backtest --since 2025-11-24 --use_ml 0 --tf 1h")
    for each in (jobs, runner(asked)):  # also of an engine that was started after it
        assert each.newest()[0].state == "running"
        with pytest.raises(JobError, match="one at a time"):
            await each.start(TRAIN, {})
    await asyncio.to_thread(gate.write_bytes, b"!")  # waits until it has been opened there
    await jobs.ended()
    (job,) = runner(asked).newest()
    assert job.state == "failed"
    seen = json.loads(job.lines[0])
    assert (seen["nice"], seen["leads"]) == (min(19, os.nice(0) + 15), True)
    assert seen["CRYPTO_BOT_DATABASE_URL"].endswith("store.db")
    assert f"crypto-bot {' '.join(seen['words'])}" == job.command
    log = capsys.readouterr().out
    assert "job.launched" in log
    assert "job.ended" in log


async def test_a_job_is_ended_by_an_engine_that_did_not_start_it(
    tmp_path: Path, gate: Path
) -> None:
    asked = settings(tmp_path)
    jobs = runner(asked, sys.executable, "-c", STAND_IN, str(gate))
    jobs.cancel()  # there is none: nothing happens
    await jobs.start("export", {})
    await until(jobs, lambda job: job.total == 4)
    runner(asked).cancel()
    await jobs.ended()
    assert (await until(jobs, lambda job: job.state == "stopped")).result is None
    await jobs.start("export", {"format": "parquet", "time": ""})
    (newest, before) = jobs.newest()
    assert (newest.state, before.state) == ("running", "stopped")
    jobs.cancel()
    await jobs.ended()


@pytest.mark.parametrize(
    ("kind", "chosen", "why"),
    [
        ("rm", {}, "there is no job 'rm' here: train, candles, backtest, export"),
        ("backtest", {"days": "8"}, "Last: '8' is none of 7, 30, 90, 365"),
        ("export", {"format": "csv; rm -rf /"}, "File: 'csv; rm -rf /' is none of csv, parquet"),
        ("train", {"models_dir": "/"}, "Training has no choice 'models_dir'"),
    ],
)
async def test_only_what_a_form_offers_is_started(
    tmp_path: Path, kind: str, chosen: dict[str, str], why: str
) -> None:
    jobs = runner(settings(tmp_path))
    with pytest.raises(JobError, match=why):
        await jobs.start(kind, chosen)
    with pytest.raises(JobError, match=why):
        jobs.command(kind, chosen)
    assert jobs.newest() == []


@pytest.mark.slow
async def test_an_export_is_a_file_and_the_api_starts_the_real_training(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    asked = settings(tmp_path)
    database, jobs = Database.open(asked.database_url), runner(asked)
    app = FastAPI(telemetry={"auto_configure": False})
    serve_training(app, Training(SqlTrainingRuns(database, asked.timeframe), jobs))
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
        assert (await client.get("/api/training")).json() == {"runs": []}
        assert (await client.post("/api/training")).status_code == 202
        second = await client.post("/api/training")
    assert second.status_code == 409
    assert "under way" in second.json()["detail"]
    await jobs.ended()
    assert any("BTCUSDT" in line for line in jobs.newest()[0].lines)  # it has no candles
    await jobs.start("export", {})
    await jobs.ended()
    (exported, _) = jobs.newest()
    assert exported.state == "finished", exported.lines
    assert exported.result is not None
    assert exported.result.read_text().startswith("id,symbol,tf,")
    database.close()


def test_training_reports_its_steps_as_events(tmp_path: Path) -> None:
    output = JobOutput(tmp_path / "output")
    head = {"timestamp": "2025-12-01T03:00:00.000Z", "level": "info"}
    with output._path.open("ab") as file:
        for event, part in (
            ({"event": "train.started", "jobs": 9, "done": 2}, ""),
            ({"event": "job.finished", "job": "fold 1", "seconds": 3.0}, '{"event": "job.fin'),
        ):
            file.write(f"{json.dumps({**head, **event})}\n{part}".encode())
            file.flush()
            output.read()
        file.write(b'ished", "timestamp": "2025-12-01T03:00:01Z", "level": "info"}\n[1, 2]\n{}\n')
    output.read()
    assert (output.done, output.total) == (4, 9)
    assert "03:00:00 job finished: job fold 1, seconds 3.0" in output.lines
    assert list(output.lines)[-2:] == ["[1, 2]", "{}"]


def test_the_command_names_what_differs_and_no_password(tmp_path: Path) -> None:
    asked = settings(tmp_path)
    assert runner(asked).command(TRAIN, {"resume": "1"}) == (
        f"crypto-bot train all --symbols_file {asked.symbols_file} --models_dir "
        f"{asked.models_dir} --database_url {asked.database_url} --tf 1h{WORKERS} --resume 1"
    )
    july = runner(asked).command("export", {"time": "2025-07-01"})
    assert july.startswith(
        "crypto-bot export predictions.csv --since 2025-07-01 --until 2025-08-01"
    )
    assert "--tf" not in runner(asked).command(TRAIN, {"recipe": "daily"})
    remote = Settings(database_url="postgresql://me:hush@there/db", use_ml=False)
    assert runner(remote).command(TRAIN, {}) == f"crypto-bot train all{WORKERS}"
    simulated = Settings.model_validate({"exchange": {"id": "sim"}})
    history = job_kinds(simulated, lambda: 0, lambda: "http://127.0.0.1:9")["candles"]
    attached = ["--exchange", "sim", "--exchange_url", "http://127.0.0.1:9"]
    assert history.words({"days": "365"}, tmp_path)[-4:] == attached
