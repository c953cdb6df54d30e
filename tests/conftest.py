"""What all tests share: property tests without time limits or luck, plain logs, real processes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import structlog
from hypothesis import HealthCheck, settings

from tests.e2e.processes import ROOT, Process

Start = Callable[..., Process]
LONGEST = ("chaos", "golden", "e2e")
"""Folders of the tests that take longest."""

# How long an example takes depends on what else the machine does; every run has the same examples.
settings.register_profile(
    "same", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("same")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Each worker's part begins with its share of the slow modules, the longest first.

    Slow tests mostly wait: beside them the other workers have the processor, and no worker ends
    with a long one while the others have nothing to do.
    """
    workers = getattr(config, "workerinput", {}).get("workercount", 1)
    slow: dict[Path, list[pytest.Item]] = {}
    for item in sorted(items, key=lambda item: item.path.parent.name not in LONGEST):
        if item.get_closest_marker("slow"):
            slow.setdefault(item.path, []).append(item)
    fast = [item for item in items if not item.get_closest_marker("slow")]
    modules, ordered = list(slow.values()), list[pytest.Item]()
    for worker in range(workers):
        part = [item for module in modules[worker::workers] for item in module]
        size = (len(items) - len(ordered)) // (workers - worker)  # as xdist divides them
        rest = max(0, size - len(part)) if worker < workers - 1 else len(fast)
        ordered += part + fast[:rest]
        del fast[:rest]
    items[:] = ordered


@pytest.fixture(autouse=True)
def plain_structlog() -> None:
    """An earlier command in the same process may have configured logs."""
    structlog.reset_defaults()


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts `python WORDS…` in an empty folder."""
    running: list[Process] = []

    def started(*words: str, **environment: str) -> Process:
        process = Process(list(words), environment, tmp_path)
        running.append(process)
        return process

    yield started
    for process in running:
        process.kill()


@pytest.fixture
def daemon(start: Start, tmp_path: Path) -> Start:
    """Starts `main.py` on a database of the test, on any free port, with the project's coins.

    It trains only where a test says so, and takes no signal for late: on a fast simulated exchange
    and a busy machine it would take them all for that.
    """
    usual = {"CRYPTO_BOT_RETRAIN__FIRST": "0", "CRYPTO_BOT_ENGINE__LATE_AFTER_S": "86400"}

    def started(*words: str, **environment: str) -> Process:
        given = {
            "--symbols_file": str(ROOT / "symbols_32.json"),
            "--port": "0",
            "--database_url": f"sqlite:///{tmp_path / 'engine.db'}",
        }
        defaults = [
            word for flag, value in given.items() if flag not in words for word in (flag, value)
        ]
        return start(str(ROOT / "main.py"), *defaults, *words, **(usual | environment))

    return started
