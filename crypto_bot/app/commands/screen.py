"""The console on which commands print their tables."""

from __future__ import annotations

from rich.console import Console

_PIPE_WIDTH = 200


def screen() -> Console:
    """A console as wide as the terminal; fixed width on a pipe or file."""
    console = Console()
    return console if console.is_terminal else Console(width=_PIPE_WIDTH)
