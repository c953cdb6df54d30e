"""The settings file that `crypto-bot init` writes."""

import re
from pathlib import Path

import pytest

from crypto_bot.app.settings import Settings, load
from tests.app.conftest import Run


def test_it_changes_nothing_as_it_stands_nor_with_every_default_set(
    empty_folder: Path, run: Run
) -> None:
    code, printed = run("init")
    path = empty_folder / "crypto_bot.toml"
    assert (code, printed.startswith("crypto_bot.toml: ")) == (0, True)
    assert load({}).model_dump() == Settings().model_dump()
    text = path.read_text("utf-8")
    used = re.sub(r"^#(\[\[.*|\w+ = .*)$", r"\1", text, flags=re.MULTILINE)
    assert used.count("\n[[paper.accounts]]") == len(Settings().paper.accounts)
    path.write_text(used, "utf-8")
    assert load({}).model_dump() == Settings().model_dump()


def test_a_file_that_is_there_stays(empty_folder: Path, run: Run) -> None:
    path = empty_folder / "mine.toml"
    path.write_text('tf = "1h"\n')
    code, printed = run("init", "mine.toml")
    assert (code, printed) == (2, "crypto-bot: mine.toml is not written: File exists\n")
    assert path.read_text() == 'tf = "1h"\n'


@pytest.mark.parametrize(("word", "value"), [("1", True), ("true", True), ("False", False)])
def test_a_switch_in_the_environment(
    word: str, *, value: bool, empty_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CRYPTO_BOT_USE_ML", word)
    assert load({}).use_ml is value
