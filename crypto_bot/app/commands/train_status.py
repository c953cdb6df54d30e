"""`crypto-bot train status`: the newest training run, and where it stands."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing

from rich.table import Table

from crypto_bot.adapters.store.database import Database
from crypto_bot.adapters.store.training_runs import SqlTrainingRuns
from crypto_bot.app.commands.flags import Parser, add_settings, settings_of
from crypto_bot.app.commands.screen import screen
from crypto_bot.domain.training_record import TrainingRecord


def train_status(argv: Sequence[str]) -> int:
    """Works beside a running trainer and engine. Raises ConfigError, StoreError."""
    parser = Parser(prog="crypto-bot train status", description="The newest training run.")
    add_settings(parser, "tf", "database_url", "exchange")
    settings = settings_of(parser.parse_args(argv))
    with closing(Database.open(settings.database_url, settings.engine_key)) as database:
        runs = SqlTrainingRuns(database, settings.timeframe).newest_runs(1)
    console = screen()
    if not runs:
        console.print(f"no {settings.tf} training run is recorded: start one with train all")
        return 0
    console.print(_table(runs[0]))
    return 0


def _table(run: Sequence[TrainingRecord]) -> Table:
    table = Table(title=f"Run {run[0].run_id} ({run[0].executor})")
    for name in ("coin", "status", "doing", "seconds", "verdict", "skill", "AUC", "ECE", "reason"):
        table.add_column(name, no_wrap=name != "reason")
    for each in run:
        figures = (_figure(value) for value in (each.skill, each.direction_auc, each.ece))
        measured = (each.verdict or "", *figures, each.reason or "")
        table.add_row(each.symbol, each.status, _doing(each), f"{each.seconds:.0f}", *measured)
    return table


def _doing(each: TrainingRecord) -> str:
    epochs = "" if each.epoch is None else f" {each.epoch}/{each.epochs}"
    return f"{each.phase or ''}{epochs}"


def _figure(value: float | None) -> str:
    return "" if value is None else f"{value:.4f}"
