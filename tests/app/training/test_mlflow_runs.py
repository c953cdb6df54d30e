"""Models recorded in a real MLflow store, and a server that is not there."""

from pathlib import Path

import pytest

from crypto_bot.app.training import mlflow_runs
from crypto_bot.app.training.mlflow_runs import MlflowRuns
from crypto_bot.domain.errors import ConfigError
from crypto_bot.models.artifact import META, METRICS
from crypto_bot.models.meta import meta_from
from crypto_bot.training.events import ModelPublished
from crypto_bot.training.panel import Coin
from tests.training.made_market import candles
from tests.training.made_runs import plan, trained

PLAN = plan("COIN0")


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> ModelPublished:
    folder = tmp_path_factory.mktemp("run")
    files = trained([Coin("COIN0", candles(140, 0))], PLAN, folder)["COIN0"]
    return ModelPublished("COIN0", folder, meta_from(files[META], META), files[METRICS])


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # MLflow's own use of SQLAlchemy
def test_a_model_is_recorded_with_what_it_was_made_of(
    tmp_path: Path, published: ModelPublished
) -> None:
    uri = f"sqlite:///{tmp_path / 'mlflow.db'}"
    record = MlflowRuns(uri, PLAN)
    record.observe(published)
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


@pytest.mark.slow
def test_a_server_that_is_not_there_is_told_once(
    published: ModelPublished, capsys: pytest.CaptureFixture[str]
) -> None:
    record = MlflowRuns("http://somebody:secret@127.0.0.1:1", PLAN)
    capsys.readouterr()
    record.observe(published)
    record.observe(published)
    said = capsys.readouterr().out
    assert said.count("mlflow.given_up") == 1
    assert "http://127.0.0.1:1" in said
    assert "secret" not in said


def test_without_mlflow_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mlflow_runs, "find_spec", lambda name: None)
    with pytest.raises(ConfigError, match=r"pip install 'crypto-bot\[mlflow\]'"):
        MlflowRuns("http://127.0.0.1:1", PLAN)
