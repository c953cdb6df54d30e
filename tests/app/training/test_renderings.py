"""The events of a run as log lines, a live table, a summary, and runs of a real MLflow store."""

from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from crypto_bot.app.training import mlflow_runs
from crypto_bot.app.training.mlflow_runs import MlflowRuns
from crypto_bot.app.training.screen import Screen
from crypto_bot.domain.errors import ConfigError
from crypto_bot.models.artifact import EVALUATION, META, METRICS
from crypto_bot.models.checkpoint_store import EpochReport
from crypto_bot.models.meta import meta_from
from crypto_bot.training.events import (
    EpochFinished,
    Event,
    JobFailed,
    JobStarted,
    ModelNotPublished,
    ModelPublished,
    RunStarted,
    log_event,
)
from crypto_bot.training.jobs import Job, Stage
from crypto_bot.training.panel import Coin
from crypto_bot.training.summary import lines_of
from tests.training.made_market import candles
from tests.training.made_runs import plan, trained

PLAN = plan("COIN0")
FIT, LOST = Job(Stage.TUNE, "COIN0", 0), Job(Stage.TUNE, "COIN1", 0)


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> ModelPublished:
    folder = tmp_path_factory.mktemp("run")
    files = trained([Coin("COIN0", candles(140, 0))], PLAN, folder)["COIN0"]
    meta = meta_from(files[META], META)
    return ModelPublished("COIN0", folder, meta, files[METRICS], files[EVALUATION])


def events(published: ModelPublished) -> list[Event]:
    """One coin is trained, the other fails; the fit of the first is in its second epoch."""
    return [
        RunStarted((FIT, LOST), 0),
        JobStarted(FIT),
        JobStarted(LOST),
        EpochFinished(FIT, EpochReport("move", 2, 4, 0.61, 0.72, 1_000, 1.0)),
        JobFailed(LOST, "diverged"),
        ModelNotPublished("COIN1", "tune-COIN1-0: diverged"),
        published,
    ]


@pytest.mark.slow
def test_log_live_table_and_summary_of_a_run(
    published: ModelPublished, capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    for event in events(published):
        log_event(event)
    lines = capsys.readouterr().out.splitlines()
    names = ["train.started", "job.started", "job.started", "epoch.finished", "job.failed"]
    names += ["model.not_published", "model.published"]
    assert [name in line for name, line in zip(names, lines, strict=True)] == [True] * 7
    assert published.meta.version in lines[-1]
    output = StringIO()
    console = Console(file=output, width=120, force_terminal=True, color_system=None)
    clock = iter(range(100))
    with Screen(console, lambda: float(next(clock))) as screen:
        for event in events(published):
            screen.observe(event)
    for words in (
        *("2/4", "0.7200", "0 of 2 jobs done", published.meta.version),
        "COIN1: no model: tune-COIN1-0: diverged",
    ):
        assert words in output.getvalue()
    trained_line, failed = sorted(lines_of(events(published)), key=lambda line: line.symbol)
    assert (trained_line.symbol, trained_line.status) == ("COIN0", "trained")
    assert trained_line.verdict == published.meta.verdict.value
    assert trained_line.direction_auc is not None
    assert 0.0 < trained_line.direction_auc.value < 1.0
    assert (failed.status, failed.reason) == ("failed", "tune-COIN1-0: diverged")


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # MLflow's own use of SQLAlchemy
def test_a_model_is_recorded_with_what_it_was_made_from_or_the_lost_server_is_named_once(
    tmp_path: Path, published: ModelPublished, capsys: pytest.CaptureFixture[str]
) -> None:
    uri = f"sqlite:///{tmp_path / 'mlflow.db'}"
    for event in events(published):
        MlflowRuns(uri, PLAN).observe(event)
    from mlflow.tracking import MlflowClient  # noqa: PLC0415 - seconds that this test alone waits

    client = MlflowClient(tracking_uri=uri)
    experiment = client.get_experiment_by_name("crypto_bot")
    assert experiment is not None
    (run,) = client.search_runs([experiment.experiment_id])
    assert run.info.status == "FINISHED"
    assert run.data.tags["symbol"] == "COIN0"
    assert run.data.tags["verdict"] == published.meta.verdict.value
    assert run.data.params["seed"] == "3"
    assert run.data.params["size"] == "tiny"
    assert 0.0 < run.data.metrics["direction_auc"] < 1.0
    assert {"skill", "gain", "ece"} <= set(run.data.metrics)

    record = MlflowRuns("http://somebody:secret@127.0.0.1:1", PLAN)
    capsys.readouterr()
    for _ in range(2):
        record.observe(published)
    printed = capsys.readouterr().out
    assert printed.count("mlflow.given_up") == 1
    assert "http://127.0.0.1:1" in printed
    assert "secret" not in printed


def test_without_mlflow_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mlflow_runs, "find_spec", lambda name: None)
    with pytest.raises(ConfigError, match=r"pip install 'crypto-bot\[mlflow\]'"):
        MlflowRuns("http://127.0.0.1:1", PLAN)
