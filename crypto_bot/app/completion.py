"""Completion of a command line in a shell, by argcomplete.

Commands are loaded one at a time, so a command line is handed to the parser of the command that it
names, without the words before that command's own.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterable

SHELLS = ("bash", "zsh", "fish", "tcsh", "powershell")
_ASKED = "_ARGCOMPLETE"
"""Set by the shell; the number of the word from which on a parser reads the line."""


def is_asked() -> bool:
    """Whether a shell asks what may come next, rather than a person for a result."""
    return _ASKED in os.environ


def words_before() -> list[str]:
    """What has been typed after the program's name, but for the word under way."""
    line = os.environ["COMP_LINE"][: int(os.environ["COMP_POINT"])]
    words = line.split()[1:]
    return words if not words or line.endswith(" ") else words[:-1]


def offer(names: Iterable[str]) -> None:
    """Answers with `names` as the next word, and ends the process."""
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument("name", choices=tuple(names))
    answer(parser)


def answer(parser: argparse.ArgumentParser) -> None:
    """Answers with what `parser` takes next, and ends the process."""
    import argcomplete  # noqa: PLC0415 - only when a shell asks

    argcomplete.autocomplete(parser)


def skip(words: int) -> None:
    """The next parser reads the line without its first `words` words."""
    os.environ[_ASKED] = str(int(os.environ[_ASKED]) + words)


def script(shell: str) -> str:
    """What `shell` runs at its start to complete `crypto-bot`."""
    import argcomplete  # noqa: PLC0415 - only when a person asks

    return argcomplete.shell_integration.shellcode(["crypto-bot"], shell=shell)
