"""Compiled code on disk is never older than its sources."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from crypto_bot.features import compiled

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


def made(package: Path, added: float = 1.0) -> None:
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "calling.py").write_text(CALLING)
    (package / "called.py").write_text(CALLED.format(added=added))


def ran(package: Path, **environment: str) -> tuple[str, str]:
    """What a process with the kernels of `package` prints: the result with its hits, and errors."""
    clean = {name: value for name, value in os.environ.items() if name[:6] != "NUMBA_"}
    path = os.pathsep.join([str(package.parent), *filter(None, sys.path)])
    done = subprocess.run(
        [sys.executable, "-c", SHOW],
        env=clean | {"PYTHONPATH": path} | environment,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip(), done.stderr


@pytest.mark.slow
def test_an_edited_function_recompiles_its_callers(tmp_path: Path) -> None:
    """numba alone would return 2.0 forever: it only watches the file of the calling function."""
    package = tmp_path / "steps"
    made(package)
    assert ran(package)[0] == "2.0 0"
    assert ran(package)[0] == "2.0 1"
    (package / "called.py").write_text(CALLED.format(added=5.0))
    assert ran(package)[0] == "10.0 0"


@pytest.mark.slow
def test_a_program_that_may_write_nowhere_compiles_into_a_private_folder(tmp_path: Path) -> None:
    package = tmp_path / "steps"
    made(package)
    (package / "__pycache__").touch()  # no folder can be made there, not even by root
    (temporary := tmp_path / "tmp").mkdir()
    places = {"HOME": "/proc/none", "XDG_CACHE_HOME": "/proc/none", "TMPDIR": str(temporary)}
    result, said = ran(package, **places)
    (folder,) = temporary.iterdir()
    assert (result, said.count("\n"), str(folder) in said) == ("2.0 0", 1, True)
    assert folder.stat().st_mode & 0o077 == 0
    assert ran(package, **places)[0] == "2.0 1"
    (package / "called.py").write_text(CALLED.format(added=5.0))
    assert ran(package, **places)[0] == "10.0 0"
    folder.chmod(0o777)  # what others may write is not run
    result, said = ran(package, **places)
    assert (result, "memory" in said, said.count("\n")) == ("10.0 0", True, 1)


@pytest.mark.parametrize(
    "found", ["a link", "a file", "no folder for temporary files", "open to others"]
)
def test_compiled_code_is_kept_in_no_place_that_may_be_of_others(
    found: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A link could lead anywhere; into an open folder anybody could put code."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    place = tmp_path / f"crypto-bot-{os.geteuid()}"
    match found:
        case "a link":
            (tmp_path / "elsewhere").mkdir(mode=0o700)
            place.symlink_to(tmp_path / "elsewhere")
        case "a file":
            place.touch(mode=0o600)
        case "no folder for temporary files":
            monkeypatch.setattr(tempfile, "tempdir", "/proc/none")
        case "open to others":
            place.mkdir(mode=0o755)
    assert not compiled._has_private_folder.__wrapped__()
    assert [record.getMessage().endswith("anew at each start") for record in caplog.records] == [
        True
    ]
