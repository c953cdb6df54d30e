"""`backtest --beside`: the live accounts of the same days, or the figures of other backtests."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from crypto_bot.adapters.store.database import Database
from crypto_bot.adapters.store.paper_store import SqlPaperStore
from crypto_bot.adapters.store.prediction_store import SqlPredictionStore
from crypto_bot.adapters.web.backtest_beside import (
    Side,
    account_lines,
    account_names,
    lines_of,
)
from crypto_bot.app.settings import Settings
from crypto_bot.backtesting.beside import Beside, beside
from crypto_bot.backtesting.ledgers import Ledgers
from crypto_bot.domain.errors import ConfigError

LIVE = "live"
_SHOWN = 20
_EVERY = 10**9


class LiveStart(NamedTuple):
    """The first candle of the live log, and the bar at whose close each account was opened."""

    since_ms: int
    opens_ms: Mapping[str, int]


def live_start(settings: Settings, database: Database) -> LiveStart:
    """Raises ConfigError where there is no live log, or an account that was never opened."""
    log = SqlPredictionStore(database, settings.timeframe)
    if not log.newest_opens():
        raise ConfigError(f"--beside live: {database.name} has no live signals of {settings.tf}")
    store, opens = SqlPaperStore(database, settings.timeframe), dict[str, int]()
    for plan in settings.paper.plans():
        first = next(iter(store.events(plan.name)), None)
        if first is None:
            raise ConfigError(f"--beside live: account {plan.name} has not been opened yet")
        opens[plan.name] = first.at_ms - settings.timeframe.ms
    return LiveStart(log.first_bar(0), opens)


def beside_live(settings: Settings, database: Database, ledgers: Ledgers) -> list[Beside]:
    """Each account beside the one of the engine of `database`. Raises StoreError."""
    store = SqlPaperStore(database, settings.timeframe)
    found = []
    for trader in ledgers.traders:
        name = trader.plan.name
        refused = {each.prediction_id: each.rule for each in store.refusals(name, _EVERY)}
        until_ms = settings.timeframe.close_of(trader.cursor_ms)
        live = [event for event in store.events(name) if event.at_ms <= until_ms]
        found.append(beside(name, live, ledgers.events[name], (refused, ledgers.refused[name])))
    return found


def print_live(console: Console, found: Sequence[Beside]) -> None:
    """How many fills are equal, why the others are not, and the first of them."""
    for each in found:
        reasons = ", ".join(f"{why} {count}" for why, count in each.reasons().most_common())
        console.print(
            f"{each.account} beside live: {each.equal} fills equal, {len(each.partings)} not"
            + (f" ({reasons})" if reasons else ""),
            markup=False,
        )
        if each.partings:
            table = Table("prediction", "fill", "live", "backtest", "why")
            for parting in each.partings[:_SHOWN]:
                table.add_row(*parting)
            console.print(table)


def read_others(paths: Iterable[Path]) -> list[Side]:
    """The backtests in files of `--json`, by the names of the files. Raises ConfigError."""
    return [Side(path.stem, _read(path)) for path in paths]


def print_files(console: Console, mine: Mapping[str, Any], others: Sequence[Side]) -> None:
    """The figures of a backtest beside those of `others`."""
    sides = [Side("this one", mine), *others]
    parts = [("", lines_of(sides))]
    parts += [(name, account_lines(name, sides)) for name in account_names(sides)]
    for name, lines in parts:
        table = Table(name, *(side.title for side in sides))
        for line in lines:
            table.add_row(line.name, *map(escape, line.cells))
        console.print(table)


def _read(path: Path) -> dict[str, Any]:
    try:
        held = json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise ConfigError(f"--beside {path}: no file of backtest --json ({error})") from error
    if not isinstance(held, dict) or "accounts" not in held:
        raise ConfigError(f"--beside {path}: no file of backtest --json")
    return held
