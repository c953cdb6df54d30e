"""The guide: it is built, its links lead somewhere, and what it tells people to enter exists."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from html import escape
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from crypto_bot.app.cli import main
from crypto_bot.app.settings import load
from crypto_bot.reports.glossary import TERMS
from tests.e2e.processes import ROOT

GUIDE = (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)
ENTERED = re.compile(r'(?:eval "\$\(|docker compose exec engine |\S*/)?crypto-bot (?P<words>.*)')
MODULE = re.compile(r" -m crypto_bot\.ml\.per_coin\.(?P<name>\w+)(?P<words>.*)")
SCRIPTS = {"train_one": ["train", "one"], "train_all": ["train", "all"]}


def blocks(language: str) -> list[str]:
    found = [BLOCK.findall(page.read_text("utf-8")) for page in GUIDE]
    return [text for page in found for name, text in page if name == language]


class Addresses(HTMLParser):
    """Where a page leads (`links`), and what it loads (`loaded`)."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.loaded: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "a" and given.get("href"):
            self.links.append(str(given["href"]))
        elif found := given.get("src") or (given.get("href") if tag == "link" else None):
            self.loaded.append(found)


def test_the_site_is_built_and_loads_nothing_from_other_hosts(tmp_path: Path) -> None:
    shutil.copy(ROOT / "zensical.toml", tmp_path)
    shutil.copytree(ROOT / "docs", tmp_path / "docs")
    program = str(Path(sys.executable).with_name("zensical"))
    pages = [sys.executable, str(ROOT / "docs" / "generate.py"), str(tmp_path / "docs")]
    environment = {**os.environ, "NO_COLOR": "1", "PYTHONPATH": str(ROOT)}
    for words in (pages, [program, "build", "--strict"]):
        done = subprocess.run(
            words, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
    site = tmp_path / "build" / "site"
    assert "CRYPTO_BOT_EXCHANGE__TIMEOUT_S" in (site / "settings" / "index.html").read_text("utf-8")
    shown = (site / "words" / "index.html").read_text("utf-8")
    assert not [term for term in TERMS if f"<td>{escape(term, quote=False)}</td>" not in shown]
    for page in site.rglob("*.html"):
        found = Addresses(page.read_text("utf-8"))
        assert not [each for each in found.loaded if urlsplit(each).netloc]
        for address in (*found.links, *found.loaded):
            if page.name != "404.html" and not urlsplit(address).scheme:
                place = page.parent / unquote(urlsplit(address).path)
                whole = place / "index.html" if place.is_dir() else place
                assert whole.exists(), f"{page.relative_to(site)}: {address}"


def entered() -> list[list[str]]:
    """The words after `crypto-bot` of every line that the guide tells people to enter."""
    found = []
    for text in blocks("sh"):
        for line in re.sub(r"\\\n\s*", " ", text).splitlines():
            words = re.split(r"\s(?:#|\||&&|<)|\$\(date|\)\"", line)[0]
            if command := ENTERED.match(words):
                found.append(shlex.split(command["words"]))
            elif module := MODULE.search(words):
                found.append([*SCRIPTS[module["name"]], *shlex.split(module["words"])])
    return found


@pytest.mark.parametrize("words", entered(), ids=" ".join)
def test_a_command_of_the_guide_has_these_flags(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    names = [word for word in words[:2] if re.fullmatch(r"[a-z]+", word)]
    with pytest.raises(SystemExit) as ended:
        main([*names, "--help"])
    assert not ended.value.code
    shown = capsys.readouterr().out
    assert not [word for word in words if word.startswith("--") and word not in shown]


def test_the_examples_can_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    settings = tmp_path / "crypto_bot.toml"
    for text in blocks("toml"):
        if "crypto_bot.toml" in text or text in (ROOT / "README.md").read_text("utf-8"):
            assert tomllib.loads(text)
            settings.write_text(text, "utf-8")
            load({}, settings)
    for text in blocks("json"):
        assert json.loads(text)
    for text in blocks("python"):
        compile(text, "example", "exec")
