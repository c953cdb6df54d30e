"""What a backtest leaves behind: lines in the ledger of trials, its files kept and those wanted."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from crypto_bot.adapters.clock import SystemClock
from crypto_bot.adapters.store.connection import folder_beside
from crypto_bot.adapters.web.backtest_beside import Side, panels
from crypto_bot.adapters.web.backtest_page import page, sentence_of
from crypto_bot.app.settings import Settings
from crypto_bot.backtesting.backtest import Backtest
from crypto_bot.backtesting.exported import TRADE_NAMES, as_json, trade_lines
from crypto_bot.backtesting.figures import BacktestFigures
from crypto_bot.backtesting.kept import FIGURES, FOLDER, REPORT, TRADES, KeptBacktests
from crypto_bot.backtesting.plots import equity_plot
from crypto_bot.backtesting.trials import Trial, key_of, noted, tried
from crypto_bot.domain.errors import ConfigError
from crypto_bot.domain.instant import instant
from crypto_bot.domain.paper import Plan
from crypto_bot.reports.log_formats.csv_text import csv_pieces

LEDGER = "backtest_trials.jsonl"


class Files(NamedTuple):
    """Where each file is to go; None: it is not made."""

    report: Path | None = None
    json: Path | None = None
    csv: Path | None = None
    png: Path | None = None


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
    return folder_beside(settings.database_url) / LEDGER


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


def write(
    settings: Settings,
    figures: BacktestFigures,
    command: str,
    files: Files,
    others: Sequence[Side] = (),
) -> tuple[dict[str, Any], list[Path]]:
    """Keeps the report, figures and trades beside the database, and copies what is wanted.

    The report sets the figures beside those of `others`. Gives all of `--json` and the paths of the
    copies. Raises ConfigError where one cannot be written, StoreError where they cannot be kept.
    """
    at_ms = SystemClock().now_ms()
    held = {
        "made": instant(at_ms),
        "command": command,
        **as_json(figures, sentence_of(figures).text),
    }
    beside = panels([Side("this one", held), *others]) if others else None
    made = {
        REPORT: page(figures, command, beside).encode(),
        FIGURES: json.dumps(held, indent=1, ensure_ascii=False).encode() + b"\n",
        TRADES: b"".join(csv_pieces(TRADE_NAMES, [list(trade_lines(figures))])),
    }
    KeptBacktests(folder_beside(settings.database_url) / FOLDER).keep(at_ms, made)
    wanted = {REPORT: files.report, FIGURES: files.json, TRADES: files.csv}
    written = [(path, made[name]) for name, path in wanted.items() if path is not None]
    if files.png is not None:
        written.append((files.png, equity_plot(figures)))
    for path, content in written:
        try:
            path.write_bytes(content)
        except OSError as error:
            raise ConfigError(f"{path} cannot be written: {error.strerror}") from error
    return held, [path for path, _ in written]
