"""`crypto-bot train one`: candles from the database or from files to published models."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from contextlib import closing

from crypto_bot.adapters.clock import SystemClock
from crypto_bot.app.commands.flags import Parser, settings_of
from crypto_bot.app.logging import configure
from crypto_bot.app.settings import Settings
from crypto_bot.app.training.candles import training_candles
from crypto_bot.app.training.executors import IN_PROCESS
from crypto_bot.app.training.flags import (
    add_training,
    question_of,
    require_writable,
    symbols_in,
    training_plan,
)
from crypto_bot.app.training.records import RecordedRun
from crypto_bot.app.training.survey import leader_of
from crypto_bot.domain.errors import TrainingError
from crypto_bot.features.kernel import Series
from crypto_bot.training.executors.in_process import InProcess
from crypto_bot.training.graph import run_graph
from crypto_bot.training.job import jobs_of
from crypto_bot.training.observers import Lines, Published, Several
from crypto_bot.training.panel import Coin, Question
from crypto_bot.training.run import lay_out
from crypto_bot.training.run_store import Desk, TrainerLock
from crypto_bot.training.walk import TrainingPlan


def train_one(argv: Sequence[str]) -> int:
    """Trains, measures, judges and publishes. Raises the errors of what it does, nothing written.

    A verdict that forbids serving is no failure: the model is stored with it.
    """
    parser = Parser(prog="crypto-bot train one", description="Trains the model of a coin.")
    parser.add_argument("--symbol", required=True, help="BTCUSDT, or several: BTCUSDT,ETHUSDT")
    parser.add_argument(
        "--pool",
        default="0",
        help="learn from other coins first, then go on with the coin by itself: 0 no (default), "
        "1 from all whose candles are there, or a list",
    )
    add_training(parser)
    flags = parser.parse_args(argv)
    settings = settings_of(flags)
    configure(settings.log.level, settings.log.format)
    judged = symbols_in(flags.symbol)
    plan = training_plan(flags, settings, judged, pooled=flags.pool != "0")
    question = question_of(flags, settings)
    coins, leader = _candles(flags, settings, judged, question)
    require_writable(settings.models_dir)
    lock = TrainerLock(settings.models_dir)
    try:
        return _train(settings, coins, leader, question, plan)
    finally:
        lock.release()


def _train(
    settings: Settings,
    coins: Sequence[Coin],
    leader: Series | None,
    question: Question,
    plan: TrainingPlan,
) -> int:
    desk = Desk(settings.models_dir / ".training" / f"one-{question.timeframe.name}")
    clock = SystemClock()
    try:
        now_ms = clock.now_ms()
        draft = lay_out(desk, coins, leader, question, plan, now_ms=now_ms, resume=False)
        study = draft.study(desk.panel)
        graph = jobs_of(plan, len(study.folds))
        executor = InProcess(study, desk)
        with closing(RecordedRun(settings.database_url, study, IN_PROCESS, clock)) as record:
            teller = Several((_Verdicts(), record))
            failed = run_graph(graph, executor, desk, settings.models_dir, teller)
    finally:
        desk.clear()
    if failed:
        raise TrainingError("; ".join(dict.fromkeys(failed.values())))
    return 0


class _Verdicts(Lines):
    """A line of the log for each event, and one for people for each model."""

    def published(self, told: Published) -> None:
        super().published(told)
        meta = told.meta
        why = "; ".join(meta.reasons)
        sys.stdout.write(
            f"{told.symbol or 'pool'} {meta.version}: {meta.verdict.value} ({why}) -> "
            f"{told.folder}\n"
        )


def _candles(
    flags: argparse.Namespace, settings: Settings, judged: tuple[str, ...], question: Question
) -> tuple[list[Coin], Series | None]:
    """The coins to learn from, judged ones first, and the leader of the features."""
    held = training_candles(flags.candles, settings, flags.until)
    others: tuple[str, ...] = ()
    if flags.pool == "1":
        others = held.symbols
    elif flags.pool != "0":
        others = symbols_in(flags.pool)
    coins = [held.read(symbol) for symbol in dict.fromkeys((*judged, *others))]
    return coins, leader_of(question, coins, held)
