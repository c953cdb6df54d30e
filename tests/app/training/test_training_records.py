"""`training_runs`: a run under way and after, on a real SQLite file, busy or not there at all."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI

from crypto_bot.adapters.clock import SystemClock
from crypto_bot.adapters.store.database import Database
from crypto_bot.adapters.store.training_runs import SqlTrainingRuns
from crypto_bot.adapters.web.training import Training, serve_training
from crypto_bot.app.jobs import JobRunner
from crypto_bot.app.training.records import RecordedRun
from crypto_bot.domain.engine_key import BINANCE_SPOT
from crypto_bot.domain.training_record import TrainingRecord
from crypto_bot.models.checkpoint_store import EpochReport
from crypto_bot.ports import TrainingRecords
from crypto_bot.training.events import (
    EpochFinished,
    JobFinished,
    JobStarted,
    ModelNotPublished,
    RunStarted,
)
from crypto_bot.training.jobs import Job, Stage, Study, jobs_of
from tests.app.conftest import Run
from tests.training.made_market import HOUR
from tests.training.made_runs import begun

ROUNDS = 2
TUNE = Job(Stage.TUNE, "COIN1", 0)


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Study:
    draft, store = begun(tmp_path_factory.mktemp("study"))
    return draft.study(store.panel)


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'store.db'}"


@pytest.fixture
def runs(url: str) -> Iterator[SqlTrainingRuns]:
    database = Database.open(url)
    yield SqlTrainingRuns(database, HOUR)
    database.close()


def rows(runs: TrainingRecords) -> dict[str, TrainingRecord]:
    return {each.symbol: each for each in runs.newest_runs(1)[0]}


def half_a_run(url: str, study: Study) -> RecordedRun:
    """One coin is being tuned, another has failed, the rest wait."""
    record = RecordedRun(url, BINANCE_SPOT, study, "process", SystemClock())
    for event in (
        RunStarted(tuple(jobs_of(study.plan, ROUNDS)), 0),
        JobStarted(TUNE),
        EpochFinished(TUNE, EpochReport("move", 2, 4, 0.6, 0.7, 1_000, 1.0)),
        JobFinished(Job(Stage.TUNE, "COIN1", 1), 2.5),
        ModelNotPublished("COIN2", "diverged"),
    ):
        record.observe(event)
    return record


def test_a_stopped_run_has_a_row_for_each_coin_and_closes_what_a_killed_one_left_open(
    url: str, study: Study, runs: SqlTrainingRuns
) -> None:
    half_a_run(url, study).close()
    found = rows(runs)
    assert set(found) == {"pool", *study.plan.judged}
    assert (found["COIN2"].status, found["COIN2"].reason) == ("failed", "diverged")
    assert {found[name].status for name in ("pool", "COIN0", "COIN1")} == {"stopped"}
    assert found["COIN1"].seconds == 2.5
    own = study.panel.open_ms[study.panel.coin == 1]
    span = (found["COIN1"].first_open_ms, found["COIN1"].last_open_ms, found["COIN1"].candles)
    assert span == (own.min(), own.max(), own.size)
    assert found["pool"].candles == study.panel.open_ms.size
    assert (found["pool"].seed, found["pool"].executor) == (study.plan.seed, "process")
    killed = [
        row._replace(run_id="2001", status="training", finished_ms=None) for row in found.values()
    ]
    runs.put(killed)
    half_a_run(url, study).close()
    (closed,) = [run for run in runs.newest_runs(5) if run[0].run_id == "2001"]
    assert {(row.status, row.finished_ms) for row in closed} == {
        ("stopped", row.updated_ms) for row in killed
    }
    assert "killed" in str(closed[0].reason)


async def test_the_api_and_the_command_show_a_run_under_way(
    url: str, study: Study, runs: SqlTrainingRuns, run: Run
) -> None:
    status = ("train", "status", "--tf", "1h", "--database_url", url)
    code, printed = run(*status)
    assert (code, "no 1h training run is recorded" in printed) == (0, True)
    half_a_run(url, study).close()
    now = rows(runs)["COIN1"]
    shown = now._replace(status="training", phase="tune-COIN1-0 move", epoch=2, epochs=4)
    runs.put([shown._replace(finished_ms=None)])
    app = FastAPI(telemetry={"auto_configure": False})
    serve_training(app, Training(runs, JobRunner(dict, Path(), lambda: 0, {})))
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
        (sent,) = (await client.get("/api/training")).json()["runs"]
    assert sent["under_way"] is True
    (coin,) = [each for each in sent["coins"] if each["symbol"] == "COIN1"]
    assert (coin["phase"], coin["epoch"], coin["epochs"]) == ("tune-COIN1-0 move", 2, 4)
    code, printed = run(*status)
    assert (code, "COIN1" in printed) == (0, True)


def test_a_busy_database_gets_the_rows_when_it_is_free(
    url: str, study: Study, runs: SqlTrainingRuns, tmp_path: Path
) -> None:
    with sqlite3.connect(tmp_path / "store.db", isolation_level=None) as other:
        other.execute("BEGIN IMMEDIATE")
        record = half_a_run(url, study)  # returns at once
        assert runs.newest_runs(1) == []
        other.execute("ROLLBACK")
    other.close()
    record.close()
    assert rows(runs)["COIN2"].status == "failed"


def test_a_database_that_cannot_be_opened_is_reported_once(
    study: Study, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    record = half_a_run(f"sqlite:///{tmp_path / 'nowhere' / 'store.db'}", study)
    record.close()
    assert capsys.readouterr().out.count("train.not_recorded") == 1
