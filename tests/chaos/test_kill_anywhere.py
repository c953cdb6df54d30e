"""Every fault at once, outages and SIGKILLs: the store ends as that of an undisturbed run."""

from pathlib import Path

import pytest

from benchmarks.paper_kills import kill_again_and_again
from tests.conftest import Start
from tests.e2e.processes import Process

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]

KILLS = 10


def test_nothing_is_lost_doubled_or_changed(start: Start, tmp_path: Path) -> None:
    def starts(words: list[str], environment: dict[str, str]) -> Process:
        return start(*words, **environment)

    figures = kill_again_and_again(tmp_path, starts, KILLS)
    assert figures.different == {}
    assert figures.predictions > 0
    assert figures.faults["outage"] > 0
    assert sum(figures.faults.values()) > 50
    # Kelly's sizing opens nothing until its source's record earns more than it loses.
    assert min(figures.trades[name] for name in ("spot", "perp")) > 0
    assert sum(figures.refusals.values()) > 0
