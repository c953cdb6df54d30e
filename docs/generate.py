"""Writes the pages of the guide that are made from the program: `docs/generate.py [FOLDER]`."""

from __future__ import annotations

import re
import sys
import tomllib
from importlib.resources import files
from pathlib import Path

from crypto_bot import reports
from crypto_bot.app.settings_file import settings_file

_SETTINGS = """\
# Settings

`crypto-bot init` writes this text into `crypto_bot.toml`. No setting needs a change.
A flag of the command line comes before the environment (`CRYPTO_BOT_EXCHANGE__TIMEOUT_S=3`),
the environment before the file, the file before the default. An unknown key is an error.
Secrets are read from the environment alone.
"""
_WORDS = """\
# Words

What the heads of the page's tables and the lines of the terminal mean. The page has the same
under `?`, and each as the tooltip of its head.
"""
_TABLE = re.compile(r"^#?\[+(?P<name>[\w.]+)\]+$")


def settings_page() -> str:
    """Every setting with its meaning and default, a heading for each table of the file."""
    blocks = [block.splitlines() for block in settings_file().split("\n\n")]
    page, title, held = [_SETTINGS], "For the whole engine", list[str]()
    for lines in blocks[1:]:
        tables = [found["name"] for line in lines if (found := _TABLE.match(line))]
        if tables and tables[0] != title:
            page += _section(title, held)
            title, held = tables[0], []
        held += ["", *lines]
    return "\n".join([*page, *_section(title, held)])


def _section(title: str, lines: list[str]) -> list[str]:
    text = "\n".join(lines).strip("\n")
    return [f"## {title}\n\n```toml\n{text}\n```\n"] if text else []


def words_page() -> str:
    """Every word with its sentence, under the headings that the file has as comments."""
    page = [_WORDS]
    for line in (files(reports) / "glossary.toml").read_text("utf-8").splitlines()[1:]:
        if line.startswith("# "):
            page.append(f"\n## {line[2:]}\n\n| word | meaning |\n|---|---|")
        elif line:
            ((word, meaning),) = tomllib.loads(line).items()
            page.append(f"| {_cell(word)} | {_cell(meaning)} |")
    return "\n".join([*page, ""])


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def main(folder: Path) -> None:
    """Writes the pages into `folder`."""
    (folder / "settings.md").write_text(settings_page(), "utf-8")
    (folder / "words.md").write_text(words_page(), "utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent)
