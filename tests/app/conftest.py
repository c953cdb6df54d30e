"""What the tests of the commands share."""

from collections.abc import Callable
from pathlib import Path

import pytest

from crypto_bot.app.cli import main

Run = Callable[..., tuple[int, str]]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs `crypto-bot WORDS…`: the exit code, and what is printed on a wide terminal."""
    monkeypatch.setenv("COLUMNS", "300")

    def ran(*words: str) -> tuple[int, str]:
        capsys.readouterr()
        code = main(words)
        printed = capsys.readouterr()
        return code, printed.out + printed.err

    return ran


@pytest.fixture
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, without settings."""
    monkeypatch.chdir(tmp_path)
    return tmp_path
