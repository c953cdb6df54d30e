"""Training on a real Ray cluster of two nodes, and addresses where there is none."""

import socket
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from crypto_bot.domain.errors import ConfigError
from crypto_bot.training.events import EpochFinished, JobEvent, JobFailed
from crypto_bot.training.executors import ray_connection
from crypto_bot.training.executors.executor import InProcess
from crypto_bot.training.executors.ray_cluster import RayCluster
from crypto_bot.training.jobs import Job, Stage
from tests.contracts.test_training_executors import Ran, driven, the_first_fold
from tests.training.made_cluster import two_nodes
from tests.training.made_runs import EXACT_TUNING, GOOD, ONE_SIDED, begun

LONG = replace(EXACT_TUNING, up_epochs=300)


@pytest.mark.slow
def test_a_node_is_killed_while_it_trains_and_every_job_is_done_once(tmp_path: Path) -> None:
    draft, store = begun(tmp_path / "alone", tuning=LONG)
    study = draft.study(store.panel)
    graph = the_first_fold(draft)
    alone = Ran(draft, store, graph, driven(InProcess(study, store), graph, store))

    draft, store = begun(tmp_path / "cluster", tuning=LONG)
    tuning: set[Job] = set()
    removed: list[object] = []
    with two_nodes() as (cluster, other):
        executor = RayCluster(draft.study(store.panel), store, cluster.address)

        def kill_a_node(event: JobEvent) -> None:
            if event.job.stage is not Stage.TUNE:
                return
            (tuning.add if isinstance(event, EpochFinished) else tuning.discard)(event.job)
            if len(tuning) == 2 and not removed:  # one on each node
                removed.append(other)
                cluster.remove_node(other, allow_graceful=False)

        try:
            assert executor.slots == 2
            events = driven(executor, graph, store, kill_a_node)
        finally:
            executor.close()
    assert removed
    ran = Ran(draft, store, graph, events)
    assert max(executor._attempts.values()) == 2
    ended = Counter(each.job for each in events if not isinstance(each, EpochFinished))
    assert ended == Counter(list(graph))
    failed = [each.job for each in events if isinstance(each, JobFailed)]
    assert failed == [Job(Stage.TUNE, ONE_SIDED, 0)]
    assert {Job(Stage.TUNE, symbol, 0) for symbol in GOOD} <= set(ran.products())
    assert ran.products() == alone.products()
    found = Counter(
        (each.job, each.report.head, each.report.epoch)
        for each in events
        if isinstance(each, EpochFinished)
    )
    assert max(found.values()) <= 2  # it resumed from the newest checkpoint
    assert sum(count - 1 for count in found.values()) <= 1


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("somewhere", "write HOST:PORT"),
        ("ray://127.0.0.1:10001", "write HOST:PORT"),
        ("127.0.0.1:99999", "write HOST:PORT"),
        ("127.0.0.1:1", "nothing answers there"),
    ],
)
def test_an_address_without_a_cluster_is_one_line(address: str, expected: str) -> None:
    with pytest.raises(ConfigError) as refused:
        ray_connection.connected(address)
    found = str(refused.value)
    assert found.startswith(f"--ray_address {address}: ")
    assert expected in found
    assert "\n" not in found


@pytest.mark.slow
def test_another_server_at_the_address_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ray_connection, "_ANSWER_S", 5.0)  # it would never answer
    with (
        socket.create_server(("127.0.0.2", 0)) as server,
        pytest.raises(ConfigError, match=r"what listens there is no Ray cluster$") as refused,
    ):
        ray_connection.connected(f"127.0.0.2:{server.getsockname()[1]}")
    assert "\n" not in str(refused.value)


def test_without_ray_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ray_connection, "find_spec", lambda name: None)
    with pytest.raises(ConfigError, match=r"pip install 'crypto-bot\[ray\]'"):
        ray_connection.connected("127.0.0.1:6379")
