"""The console on which commands print their tables and small curves."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console

_PIPE_WIDTH = 200
_BLOCKS = "▁▂▃▄▅▆▇█"
_MOST_BLOCKS = 48


def screen() -> Console:
    """A console as wide as the terminal; fixed width on a pipe or file. Numbers have no colour."""
    console = Console(highlight=False)
    return console if console.is_terminal else Console(width=_PIPE_WIDTH, highlight=False)


def curve(values: Sequence[float]) -> str:
    """Their course from the lowest block to the highest; of many, some at equal distances."""
    count = min(len(values), _MOST_BLOCKS)
    shown = [values[(at + 1) * len(values) // count - 1] for at in range(count)]
    low, high = min(shown, default=0.0), max(shown, default=0.0)
    step = (high - low) / (len(_BLOCKS) - 1)
    return "".join(_BLOCKS[round((value - low) / step) if step else 0] for value in shown)
