"""The rules of the house that no linter knows."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.processes import ROOT

PACKAGES = ("crypto_bot", "simulated_exchange")
SOURCES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))
CLOCKS = {"time", "time_ns", "monotonic", "clock_gettime", "now", "utcnow", "today"}


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_rooms_are_small(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert len(text.splitlines()) < 300
    tree = ast.parse(text)
    long = [
        f"{node.name}: {(node.end_lineno or 0) - node.lineno + 1} lines"
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (node.end_lineno or 0) - node.lineno + 1 >= 50
    ]
    assert long == []
    assert ast.get_docstring(tree), "a module says what it is for"


def test_names_are_nouns_of_the_trade() -> None:
    shunned = {"utils", "helpers", "common", "manager", "base", "misc"}
    assert [path for path in SOURCES if path.stem in shunned] == []


def clock_readings(path: Path) -> Iterator[str]:
    """Calls such as `time.time()` or `datetime.now()`."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
            continue
        owner = node.func.value
        of_time = isinstance(owner, ast.Name) and owner.id in {"time", "datetime", "date"}
        if of_time and node.func.attr in CLOCKS:
            yield f"{path.relative_to(ROOT)}:{node.lineno}"


def test_only_the_clock_reads_the_time() -> None:
    readings = {reading for path in SOURCES for reading in clock_readings(path)}
    assert {reading.split(":")[0] for reading in readings} == {
        "crypto_bot/adapters/clock.py",
        "simulated_exchange/clock.py",
    }


def loaded_by(statement: str) -> set[str]:
    """Top-level packages that a fresh interpreter has after `statement`."""
    code = (
        f"{statement}\nimport sys\nprint(*sorted({{name.split('.')[0] for name in sys.modules}}))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return set(done.stdout.split())


def test_the_daemon_without_models_loads_nothing_of_training() -> None:
    loaded = loaded_by("import crypto_bot.app.daemon")
    assert loaded.isdisjoint({"torch", "sklearn", "lightgbm", "pandas", "matplotlib", "pyarrow"})
    assert "ccxt" not in loaded, "a second and 97 MB, before /healthz answers"


def test_every_listed_symbol_has_its_place() -> None:
    shipped, named = ROOT / "data" / "symbols_32.json", ROOT / "symbols_32.json"
    assert not shipped.is_symlink(), "Windows has no such links"
    assert shipped.read_bytes() == named.read_bytes()
