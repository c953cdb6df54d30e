"""Compiled code on disk is never older than its sources."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

CALLED = """
from crypto_bot.features.compiled import compiled

@compiled
def step(value: float) -> float:
    return value + {added}
"""
CALLING = """
from steps.called import step
from crypto_bot.features.compiled import compiled

@compiled
def twice(value: float) -> float:
    return step(step(value))
"""
SHOW = """
from steps.calling import twice
print(twice(0.0), sum(twice.stats.cache_hits.values()))
"""


@pytest.mark.slow
def test_an_edited_function_recompiles_its_callers(tmp_path: Path) -> None:
    """numba alone would return 2.0 forever: it only watches the file of the calling function."""
    package = tmp_path / "steps"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "calling.py").write_text(CALLING)
    environment = {name: value for name, value in os.environ.items() if name[:6] != "NUMBA_"}

    def shown(added: float) -> str:
        source = CALLED.format(added=added)
        called = package / "called.py"
        if not called.exists() or called.read_text() != source:
            called.write_text(source)
        path = os.pathsep.join([str(tmp_path), *filter(None, sys.path)])
        done = subprocess.run(
            [sys.executable, "-c", SHOW],
            env=environment | {"PYTHONPATH": path},
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout.strip()

    assert shown(1.0) == "2.0 0"
    assert shown(1.0) == "2.0 1"
    assert shown(5.0) == "10.0 0"
