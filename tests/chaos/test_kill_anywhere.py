"""Kills of a running engine at any moment change no paper ledger."""

from pathlib import Path

import pytest

from benchmarks.paper_kills import kill_again_and_again
from tests.conftest import Start
from tests.e2e.processes import Process

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

KILLS = 8


def test_kills_end_in_the_ledger_of_a_calm_engine(start: Start, tmp_path: Path) -> None:
    def starts(words: list[str], environment: dict[str, str]) -> Process:
        return start(*words, **environment)

    figures = kill_again_and_again(tmp_path, starts, KILLS)
    assert figures.different == {}
    assert min(figures.trades.values()) > 0
    assert sum(figures.refusals.values()) > 0
