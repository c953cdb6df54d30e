"""What all tests share: property tests without time limits or luck, plain logs, real processes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import structlog
from hypothesis import HealthCheck, settings

from tests.e2e.processes import ROOT, Process

Start = Callable[..., Process]
LONGEST = {"chaos", "golden"}
"""Folders of the tests that take longest."""

# How long an example takes depends on what else the machine does; every run has the same examples.
settings.register_profile(
    "same", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("same")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begins with the longest, so that no worker ends with one of them while the other waits."""
    items.sort(key=lambda item: item.path.parent.name not in LONGEST)


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
