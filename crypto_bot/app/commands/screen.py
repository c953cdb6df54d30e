"""The console on which commands print their tables."""

from __future__ import annotations

from math import isfinite

from rich.console import Console

from crypto_bot.domain.interval import Interval

_PIPE_WIDTH = 200


def percent(share: float) -> str:
    """`45.2 %`, or a dash where it is not known."""
    return f"{100 * share:.1f} %" if isfinite(share) else "–"


def ends(interval: Interval, scale: float = 100.0, form: str = ".1f") -> str:
    """`[43.3, 47.1]`, in percent unless another scale is given."""
    if not interval.is_bounded:
        return "–"
    low, high = (format(scale * end, form) for end in interval[1:])
    return f"[{low}, {high}]"


def screen() -> Console:
    """A console as wide as the terminal; fixed width on a pipe or file."""
    console = Console()
    return console if console.is_terminal else Console(width=_PIPE_WIDTH)
