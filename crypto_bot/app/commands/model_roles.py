"""`crypto-bot models promote | demote | history`: which model is served, and since when."""

from __future__ import annotations

from contextlib import closing

from rich.table import Table

from crypto_bot.adapters.clock import SystemClock
from crypto_bot.adapters.store.database import Database
from crypto_bot.adapters.store.role_log import SqlRoleLog
from crypto_bot.app.commands.screen import screen
from crypto_bot.app.settings import Settings
from crypto_bot.app.wiring import model_registry
from crypto_bot.domain.instant import instant
from crypto_bot.domain.role_change import Because, RoleChange
from crypto_bot.models.roles import demote, promote

POOL = "pool"


def change_role(settings: Settings, symbol: str | None, command: str, reason: str) -> int:
    """By a person's decision. Raises ModelMissing, ModelIncompatible, TrainingError, StoreError."""
    champions = model_registry(settings).models_dir
    challengers = model_registry(settings, challengers=True).models_dir
    with closing(Database.open(settings.database_url, settings.engine_key)) as database:
        champion, challenger = (promote if command == "promote" else demote)(
            champions, challengers, symbol, settings.tf
        )
        now_ms = SystemClock().now_ms()
        change = RoleChange(now_ms, symbol, champion, challenger, Because.PERSON, reason)
        SqlRoleLog(database, settings.timeframe).add([change])
    beside = (
        "nothing answers beside it" if challenger is None else f"{challenger} answers beside it"
    )
    words = f"{symbol or POOL}: {champion} is served from the next candle on, {beside}"
    screen().print(words, markup=False, highlight=False)
    return 0


def show_history(settings: Settings, symbol: str | None) -> int:
    """Every change of the served model, newest first; of one coin where there is a `symbol`."""
    with closing(Database.open(settings.database_url, settings.engine_key)) as database:
        wanted = "" if symbol == POOL else symbol
        changes = SqlRoleLog(database, settings.timeframe).changes(wanted)
    if not changes:
        of = "" if symbol is None else f" of {symbol}"
        screen().print(f"no model{of} has changed its role in {database.name}")
        return 0
    table = Table("at", "coin", "served since", "beside it", "because", "evidence")
    for each in changes:
        beside = each.challenger or "–"
        names = (instant(each.at_ms), each.symbol or POOL, each.champion, beside)
        table.add_row(*names, each.because.value, each.evidence)
    screen().print(table)
    return 0
