"""A progress bar for the first download of candles, on a terminal only."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn


@contextmanager
def backfill(coins: int) -> Iterator[Callable[[str], None]]:
    """Yields a function to call with each coin whose candles have arrived."""
    if not sys.stdout.isatty():
        yield lambda _: None
        return
    columns = (
        TextColumn("candles"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.fields[symbol]}"),
    )
    with Progress(*columns, transient=True) as progress:
        task = progress.add_task("candles", total=coins, symbol="")
        yield lambda symbol: progress.update(task, advance=1, symbol=symbol)
