"""Every disturbance and fault at once: the store ends as that of an undisturbed run."""

from pathlib import Path

import pytest

from benchmarks.disturbed_engines import ALL, Plan
from benchmarks.soak import soak
from tests.conftest import Start

COINS = ("BTCUSDT", "ETHUSDT", "SOLUSDT", "ATOMUSDT", "DOTUSDT", "OPUSDT", "LINKUSDT", "BCHUSDT")


@pytest.mark.slow
def test_nothing_is_lost_doubled_or_changed(start: Start, tmp_path: Path) -> None:
    plan = Plan(COINS, speed=1_000.0, days=0.5)
    figures = soak(tmp_path, lambda words, given: start(*words, **given), plan)
    assert figures.wrong() == []
    assert {each.__name__ for each in ALL} <= set(figures.disturbances)
    assert {*figures.faults} > {"outage", "truncated", "nan"}
    assert min(figures.stored.trades[name] for name in ("spot", "perp")) > 0
    assert sum(figures.stored.refusals.values()) > 0
