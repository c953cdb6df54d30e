"""What a backtest leaves behind: lines in the ledger of trials, and the files asked for."""

from __future__ import annotations

import json
from pathlib import Path
from typing import NamedTuple

from sqlalchemy import make_url

from crypto_bot.adapters.clock import SystemClock
from crypto_bot.adapters.store.connection import sqlite_file
from crypto_bot.adapters.web.backtest_page import page, sentence_of
from crypto_bot.app.settings import Settings
from crypto_bot.backtesting.backtest import Backtest
from crypto_bot.backtesting.exported import TRADE_NAMES, as_json, trade_lines
from crypto_bot.backtesting.figures import BacktestFigures
from crypto_bot.backtesting.trials import Trial, key_of, noted, tried
from crypto_bot.domain.errors import ConfigError
from crypto_bot.domain.paper import Plan
from crypto_bot.reports.log_formats.csv_text import csv_pieces

LEDGER = "backtest_trials.jsonl"


class Files(NamedTuple):
    """Where each file is to go; None: it is not made."""

    report: Path | None
    json: Path | None
    csv: Path | None


def note(settings: Settings, done: Backtest, until_ms: int) -> dict[str, int]:
    """Notes the accounts beside the database; how many were tried over this time, by account.

    Raises StoreError.
    """
    at_ms = SystemClock().now_ms()
    new = [
        Trial(key_for(settings, done, plan), plan.name, settings.tf, done.since_ms, until_ms, at_ms)
        for plan in settings.paper.plans()
    ]
    held = noted(ledger_of(settings), new)
    return {each.account: tried(held, each) for each in new}


def ledger_of(settings: Settings) -> Path:
    """The file of the ledger of trials: beside the database."""
    return beside_database(settings) / LEDGER


def beside_database(settings: Settings) -> Path:
    """The folder of the database; `data` where that is no file."""
    database = sqlite_file(make_url(settings.database_url))
    return Path("data") if database is None else database.parent


def key_for(settings: Settings, done: Backtest, plan: Plan) -> str:
    """The key of the trial of `plan` with the engine, coins and models of `done`."""
    models = done.engine.models
    return key_of(
        {
            "engine": settings.engine.model_dump(mode="json"),
            "cost_bps": done.engine.cost_bps,
            "coins": sorted(done.calls),
            "models": None
            if models is None
            else sorted({each.version for each in models.calls.values()}),
            "plan": repr({**_fields(plan), "name": None}),
        }
    )


def _fields(plan: object) -> dict[str, object]:
    return {name: getattr(plan, name) for name in getattr(plan, "__slots__", ())}


def write(figures: BacktestFigures, command: str, files: Files) -> list[Path]:
    """Makes the files; their paths. Raises ConfigError where one cannot be written."""
    made: dict[Path, bytes] = {}
    if files.report is not None:
        made[files.report] = page(figures, command).encode()
    if files.json is not None:
        held = as_json(figures, sentence_of(figures).text)
        made[files.json] = json.dumps(held, indent=1, ensure_ascii=False).encode() + b"\n"
    if files.csv is not None:
        made[files.csv] = b"".join(csv_pieces(TRADE_NAMES, [list(trade_lines(figures))]))
    for path, content in made.items():
        try:
            path.write_bytes(content)
        except OSError as error:
            raise ConfigError(f"{path} cannot be written: {error.strerror}") from error
    return list(made)
