"""Where the tables of commands are printed."""

from __future__ import annotations

from rich.console import Console

_PIPE_WIDTH = 200


def screen() -> Console:
    """A terminal as wide as it is; a pipe or a file as wide as a table with words needs."""
    console = Console()
    return console if console.is_terminal else Console(width=_PIPE_WIDTH)
