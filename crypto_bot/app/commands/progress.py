"""Progress over the coins: a bar on a terminal, and numbered lines anywhere."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn


@contextmanager
def numbered(coins: int) -> Iterator[Callable[[str, str], None]]:
    """As `backfill`; each coin is printed too, with what became of it."""
    done = count(1)
    with backfill(coins) as on_coin:

        def shown(symbol: str, what: str) -> None:
            on_coin(symbol)
            sys.stdout.write(f"{symbol}: {what} ({next(done)} of {coins})\n")

        yield shown


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
