"""Every fault at once, outages and SIGKILLs: the store ends as that of an undisturbed run."""

from pathlib import Path

import pytest

from benchmarks.killed_engines import FAULTS
from benchmarks.paper_kills import kill_again_and_again
from tests.conftest import Start

KILLS = 5


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_nothing_is_lost_doubled_or_changed(start: Start, tmp_path: Path) -> None:
    figures = kill_again_and_again(
        tmp_path, lambda words, environment: start(*words, **environment), KILLS
    )
    assert figures.different == {}
    assert figures.predictions > 0
    assert figures.faults["outage"] > 0
    assert sum(figures.faults.values()) >= FAULTS
    assert min(figures.trades[name] for name in ("spot", "perp")) > 0
    assert sum(figures.refusals.values()) > 0
